/**
 * `quirks: { kafkajsSequenceReuse: true }`: sequence numbers as kafkajs 2.2.4 gives them, its defect included (docs/idempotence.md).
 * After any error, also one that leaves open whether the batch was appended, it takes the number back; and it lets the next send to
 * that broker in before the retry. The next batch then has the number of one that is in the log: the broker takes it for that one.
 */
import { withProducer } from '../../protocol/records.ts'
import type { ProducerIds } from './producer-ids.ts'
import { type Lane, type Outgoing, type Sequencer, Turn } from './sequencer.ts'

/** kafkajs rotates one number early. */
const ROTATES_AT = 2 ** 31 - 1

export function createKafkajsSequencer(ids: ProducerIds): Sequencer {
  const sequences = new Map<string, number>()
  /** By node id. */
  const locks = new Map<string | undefined, Turn>()
  const keyOf = ({ topic, partition }: Outgoing) => `${topic}-${partition}`

  function update(outgoing: Outgoing, increment: number): void {
    const sequence = (sequences.get(keyOf(outgoing)) ?? 0) + increment
    sequences.set(keyOf(outgoing), sequence >= ROTATES_AT ? 0 : sequence)
  }

  const lane: Lane = {
    admitted: undefined,
    queue: () => undefined,
    async request(broker, batches, attempt) {
      const mine = new Turn()
      const before = locks.get(broker.nodeId)
      locks.set(broker.nodeId, mine)
      await before?.done
      try {
        const { producerId, producerEpoch } = ids.current() ?? (await ids.renew())
        for (const outgoing of batches) {
          const sequence = sequences.get(keyOf(outgoing)) ?? 0
          outgoing.batch = withProducer(outgoing.batch, producerId, producerEpoch, sequence)
          update(outgoing, outgoing.batch.recordCount)
        }
        return await attempt().catch((error: unknown) => {
          for (const outgoing of batches) update(outgoing, -outgoing.batch.recordCount)
          throw error
        })
      } finally {
        if (locks.get(broker.nodeId) === mine) locks.delete(broker.nodeId)
        mine.end()
      }
    },
    answered: () => undefined,
    end: () => undefined,
  }
  return { lane: () => lane }
}
