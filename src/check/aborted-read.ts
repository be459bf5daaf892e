/** aborted-read: a record of an aborted transaction was given to a reader (G1a, which read_committed rules out). */
import { ascending, type Finding, listText, place } from './finding.ts'
import { groupBy, type IndexedHistory } from './history.ts'

export function abortedReads({ partitions }: IndexedHistory): Finding[] {
  return partitions.flatMap(({ sends, reads, topic, partition }) => {
    const readsOf = groupBy(reads, ({ send }) => send)
    return sends.flatMap((send): Finding[] => {
      const mine = readsOf.get(send.id)
      if (send.outcome !== 'aborted' || mine === undefined) return []
      const offsets = ascending(mine.map(({ offset }) => offset))
      const where = listText(offsets.map((offset) => place(topic, partition, offset)))
      const readers = [
        ...new Set(mine.map(({ group, client }) => (group === null ? `consumer ${client}` : `group ${group}`))),
      ]
      return [
        {
          class: 'aborted-read',
          sentence: `send ${send.id} (${send.client}) was aborted with its transaction and was read at ${where}`,
          topic,
          partition,
          group: mine[0]?.group ?? null,
          offsets,
          sends: [send.id],
          legal: 'aborted; read by a read-uncommitted consumer, and only such a one gets it',
          evidence: [`read by ${listText(readers.sort())}`],
        },
      ]
    })
  })
}
