/** inconsistent-offsets: one offset stands for two different records: in an acknowledgement, in the log or to a reader. */
import { ascending, type Finding, listText, place } from './finding.ts'
import { groupBy, type IndexedHistory, type PartitionHistory } from './history.ts'
import { whyCommittedLossIsLegal, whyLossIsLegal } from './legality.ts'

interface Claim {
  readonly send: number
  readonly offset: number
  readonly by: 'ack' | 'log' | 'read'
}

export function inconsistentOffsets(history: IndexedHistory): Finding[] {
  return history.partitions.flatMap((partition) => {
    const claims: Claim[] = [
      ...partition.sends.flatMap(({ id, offset, outcome }): Claim[] =>
        outcome === 'ok' && offset !== null ? [{ send: id, offset, by: 'ack' }] : [],
      ),
      ...partition.stored.map(({ send, offset }): Claim => ({ send, offset, by: 'log' })),
      ...partition.reads.map(({ send, offset }): Claim => ({ send, offset, by: 'read' })),
    ]
    const findings: Finding[] = []
    for (const [offset, mine] of groupBy(claims, (claim) => claim.offset)) {
      const sends = ascending(mine.map(({ send }) => send))
      if (sends.length > 1) findings.push(inconsistency(history, partition, offset, mine, sends))
    }
    return findings
  })
}

function inconsistency(
  history: IndexedHistory,
  partition: PartitionHistory,
  offset: number,
  claims: readonly Claim[],
  sends: readonly number[],
): Finding {
  const { topic, partition: index } = partition
  return {
    class: 'inconsistent-offsets',
    sentence: `${place(topic, index, offset)} is sends ${listText(sends)} at once`,
    topic,
    partition: index,
    group: null,
    offsets: [offset],
    sends,
    legal: whyLegal(history, partition, claims),
    evidence: sends.map((id) => {
      const by = new Set(claims.filter(({ send }) => send === id).map((claim) => claim.by))
      const client = history.sends.get(id)?.client
      const texts = []
      if (by.has('ack')) texts.push(`was acknowledged there to ${client}`)
      if (by.has('read')) texts.push('was read there')
      if (by.has('log')) texts.push('is in the log there')
      return `send ${id} ${listText(texts)}`
    }),
  }
}

/** Only where losing is allowed: the offset of a lost record is given again. What was read had been committed. */
function whyLegal(history: IndexedHistory, partition: PartitionHistory, claims: readonly Claim[]): string | null {
  const committed = whyCommittedLossIsLegal(partition)
  if (committed !== null && !partition.end.compacted) return committed
  const shown = new Set(claims.filter(({ by }) => by !== 'ack').map(({ send }) => send))
  if (shown.size > 1) return null
  for (const { send, by } of claims) {
    const op = history.sends.get(send)
    if (by !== 'ack' || shown.has(send) || op === undefined || op.acks === -1) continue
    return `${whyLossIsLegal(op, partition)}; its offset is given again`
  }
  return null
}
