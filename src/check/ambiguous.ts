/**
 * ambiguous: the client was not told that its record was stored, and it is there. Always allowed after a time-out or a lost
 * answer; never after an error that promised it was not.
 */
import { ascending, type Finding, listText, place } from './finding.ts'
import { groupBy, type IndexedHistory } from './history.ts'

export function ambiguous(history: IndexedHistory): Finding[] {
  return history.partitions.flatMap(({ sends, stored, reads, topic, partition }) => {
    const spots = groupBy([...stored, ...reads], ({ send }) => send)
    return sends.flatMap((send): Finding[] => {
      const places = spots.get(send.id)
      if (send.outcome === 'ok' || send.outcome === 'aborted' || places === undefined) return []
      const offsets = ascending(places.map(({ offset }) => offset))
      const where = listText(offsets.map((offset) => place(topic, partition, offset)))
      const told = send.outcome === 'fail' ? 'was reported as failed' : 'had no known outcome'
      return [
        {
          class: 'ambiguous',
          sentence: `send ${send.id} (${send.client}) ${told} and is at ${where}`,
          topic,
          partition,
          group: null,
          offsets,
          sends: [send.id],
          legal:
            send.outcome === 'info'
              ? 'a time-out or a lost answer says nothing about the record: the client must not take it for failed'
              : null,
          evidence: [`${send.client} was told: ${send.reason || 'nothing'}`],
        },
      ]
    })
  })
}
