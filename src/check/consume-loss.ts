/** consume-loss: the group's committed offset is past a record that none of its handlers completed and none still holds. */
import { type Finding, listText, place } from './finding.ts'
import type { GroupPartition, IndexedHistory } from './history.ts'

export function consumeLosses(history: IndexedHistory): Finding[] {
  const settled = settledByGroup(history)
  return history.groups.flatMap((where) => lossesOf(history, where, settled.get(where.group) ?? new Set()))
}

/** By group: sends that are handled, or will be. */
function settledByGroup({ groups, setting }: IndexedHistory): ReadonlyMap<string, ReadonlySet<number>> {
  const out = new Map<string, Set<number>>()
  for (const { group, handled } of groups) {
    const settled = out.get(group) ?? new Set()
    for (const { outcome, send } of handled) {
      if (outcome === 'completed' || outcome === 'running') settled.add(send)
      if (outcome === 'resolved' && setting.resolvedIsHandled) settled.add(send)
    }
    out.set(group, settled)
  }
  return out
}

function lossesOf(history: IndexedHistory, where: GroupPartition, settled: ReadonlySet<number>): Finding[] {
  const { group, partition, handled, commits } = where
  const { topic, partition: index, stored, sends, reads } = partition
  const real = commits.filter(({ offset }) => offset >= 0)
  const last = real[real.length - 1]
  const first = real[0]
  if (first === undefined || last === undefined) return []
  // Before where the group began is not its business.
  const begin = handled.reduce((least, { offset }) => Math.min(least, offset), first.offset)
  const known = new Map<number, number>()
  for (const { id, offset, outcome } of sends) if (outcome === 'ok' && offset !== null) known.set(offset, id)
  for (const { offset, send } of [...reads, ...stored]) known.set(offset, send)

  const findings: Finding[] = []
  for (const [offset, send] of known) {
    if (offset < begin || offset >= last.offset || settled.has(send)) continue
    const tries = handled.filter((op) => op.send === send)
    const handed = tries.length > 0
    const outcomes = [...new Set(tries.map(({ outcome }) => outcome))].sort()
    const why = handed ? `its handler never completed (${outcomes.join(', ')})` : 'no handler of it was ever given it'
    findings.push({
      class: 'consume-loss',
      sentence: `group ${group} committed ${place(topic, index, last.offset)}, past send ${send} at offset ${offset}: ${why}`,
      topic,
      partition: index,
      group,
      offsets: [offset],
      sends: [send],
      legal: whySkipIsLegal(history, where, offset),
      evidence: [
        `the last commit is ${last.offset}, by ${last.member === '' ? 'somebody outside the group' : `member ${last.member}`}`,
        handed
          ? `given to ${listText([...new Set(tries.map((op) => op.process))].sort())}; the commit did not wait for the work`
          : `the group began at offset ${begin}`,
      ],
    })
  }
  return findings
}

function whySkipIsLegal(history: IndexedHistory, { partition, moves, commits }: GroupPartition, offset: number) {
  const past = (target: number) => target === -1 || target > offset
  if (moves.some((move) => move.kind === 'seek' && past(move.offset))) return 'the application sought past it'
  if (moves.some((move) => move.kind === 'reset' && past(move.offset))) {
    return 'the offset was out of range and the consumer is set to go on at the end'
  }
  if (commits.some((commit) => commit.member === '' && past(commit.offset))) {
    return "the group's offset was set from outside the group"
  }
  const gone = history.knowsLogs && !partition.stored.some((record) => record.offset === offset)
  if (gone && offset < partition.end.logStartOffset) return 'it was deleted from the log before the group came to it'
  if (gone && partition.end.compacted) return 'the topic is compacted: it was replaced before the group came to it'
  return null
}
