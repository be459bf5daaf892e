/**
 * aborted-read: a record of an aborted transaction was given to a reader (G1a). Who reads uncommitted records asked for it; to anybody else
 * it must not happen.
 */
import type { ReadOp, SendOp } from '../kernel/index.ts'
import { ascending, type Finding, listText, place } from './finding.ts'
import { groupBy, type IndexedHistory } from './history.ts'

export function abortedReads({ partitions }: IndexedHistory): Finding[] {
  return partitions.flatMap(({ sends, reads, topic, partition }) => {
    const readsOf = groupBy(reads, ({ send }) => send)
    return sends.flatMap((send): Finding[] => {
      if (send.outcome !== 'aborted') return []
      const all = readsOf.get(send.id) ?? []
      return [true, false].flatMap((asked) => {
        const mine = all.filter(({ readUncommitted = true }) => readUncommitted === asked)
        return mine.length === 0 ? [] : [findingOf(send, mine, asked)]
      })
    })

    function findingOf(send: SendOp, mine: readonly ReadOp[], asked: boolean): Finding {
      const offsets = ascending(mine.map(({ offset }) => offset))
      const where = listText(offsets.map((offset) => place(topic, partition, offset)))
      const readers = [
        ...new Set(mine.map(({ group, client }) => (group === null ? `consumer ${client}` : `group ${group}`))),
      ]
      return {
        class: 'aborted-read',
        sentence: `send ${send.id} (${send.client}) was aborted with its transaction and was read at ${where}`,
        topic,
        partition,
        group: mine[0]?.group ?? null,
        offsets,
        sends: [send.id],
        legal: asked ? 'aborted; read by a read-uncommitted consumer, and only such a one gets it' : null,
        evidence: [`read by ${listText(readers.sort())}`],
      }
    }
  })
}
