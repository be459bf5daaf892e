/** consume-duplicate: a handler of the group completed for the same record more than once. */
import type { HandledOp } from '../kernel/index.ts'
import { ascending, type Finding, listText, place } from './finding.ts'
import { type GroupPartition, groupBy, type IndexedHistory } from './history.ts'

export function consumeDuplicates(history: IndexedHistory): Finding[] {
  const findings: Finding[] = []
  const completed = history.groups.flatMap((where) =>
    where.handled.filter(({ outcome }) => outcome === 'completed').map((op) => ({ op, where })),
  )
  for (const runs of groupBy(completed, ({ op }) => JSON.stringify([op.group, op.topic, op.send])).values()) {
    const [first, second] = runs
    if (first === undefined || second === undefined) continue
    const { op } = first
    const offsets = ascending(runs.map((run) => run.op.offset))
    const times = runs.length === 2 ? 'twice' : `${runs.length} times`
    findings.push({
      class: 'consume-duplicate',
      sentence: `group ${op.group} handled send ${op.send} ${times}, at ${listText(offsets.map((offset) => place(op.topic, op.partition, offset)))}`,
      topic: op.topic,
      partition: op.partition,
      group: op.group,
      offsets,
      sends: [op.send],
      legal: whyAgain(first.op, second.op, second.where),
      evidence: runs.map(
        (run) => `${run.op.process} (member ${run.op.member || 'unknown'}) handled it at offset ${run.op.offset}`,
      ),
    })
  }
  return findings
}

/** At least once is what a group promises, so there always is a reason; this is the one that fits. */
function whyAgain(first: HandledOp, second: HandledOp, { commits, moves }: GroupPartition): string {
  if (first.offset !== second.offset) return 'at least once: the log itself has the record twice'
  const between = <T extends { readonly order: number }>(ops: readonly T[]) =>
    ops.filter(({ order }) => first.order < order && order < second.order)
  if (between(moves).some(({ offset }) => offset <= first.offset)) {
    return 'at least once: a seek or an offset reset led back to it'
  }
  const committed = commits.filter(({ order, offset }) => order < second.order && offset > first.offset)
  if (committed.length === 0) {
    const who = first.process === second.process ? 'the consumer started again' : 'another consumer took over'
    return `at least once: ${who} before its offset was committed`
  }
  const back = between(commits).some(({ offset }) => offset <= first.offset)
  if (back) return 'at least once: the committed offset went back'
  return 'at least once: two consumers had the partition for a while (a rebalance does not stop a handler at work)'
}
