/** duplicate: one send at more than one offset. */
import { ascending, type Finding, listText, place } from './finding.ts'
import { groupBy, type IndexedHistory } from './history.ts'

export function duplicates(history: IndexedHistory): Finding[] {
  const spots = history.partitions.flatMap(({ stored, reads, sends, topic, partition }) => [
    ...[...stored, ...reads].map(({ send, offset }) => ({ send, topic, partition, offset })),
    ...sends.flatMap(({ id, offset, outcome }) =>
      outcome === 'ok' && offset !== null ? [{ send: id, topic, partition, offset }] : [],
    ),
  ])
  const findings: Finding[] = []
  for (const [id, places] of groupBy(spots, ({ send }) => send)) {
    const distinct = new Set(places.map(({ topic, partition, offset }) => place(topic, partition, offset)))
    const first = places[0]
    if (distinct.size < 2 || first === undefined) continue
    const send = history.sends.get(id)
    const names = [...distinct].sort()
    findings.push({
      class: 'duplicate',
      sentence: `send ${id}${send === undefined ? '' : ` (${send.client})`} is there ${distinct.size} times: ${listText(names)}`,
      topic: first.topic,
      partition: first.partition,
      group: null,
      offsets: ascending(places.map(({ offset }) => offset)),
      sends: [id],
      legal: whyDuplicateIsLegal(send),
      evidence:
        send === undefined
          ? ['its sender was not recorded']
          : [
              `${send.client} needed ${send.attempts} requests; an answer that was lost, or another partition's error, made it send again`,
            ],
    })
  }
  return findings
}

function whyDuplicateIsLegal(send: { readonly idempotent: boolean } | undefined): string | null {
  if (send === undefined) return 'its sender is not known: whether its producer was idempotent cannot be said'
  return send.idempotent ? null : 'idempotence is off: to the broker a retried send is a new one'
}
