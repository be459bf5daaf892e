/**
 * Sequence numbers that are safe whatever gets lost (KIP-98, 360): a batch keeps its sequence until its outcome is known, and the
 * next one to the same partition waits until then. So a repetition is the same to the broker, and order is that of the sends.
 *
 * A batch that is given up without a known outcome leaves a hole, or none, that nobody can tell. Its partition goes on in the next
 * epoch, from 0: the broker then refuses what may still be under way of the epoch before (TransactionManager,
 * requestIdempotentEpochBumpForPartition). Epochs are counted by partition, as the broker does without transactions.
 *
 * With transactions the coordinator counts them: the numbers begin anew when it gives another one, and who asks it for that is told.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { isRefusal } from '../../protocol/recorder.ts'
import { sequenceAfter, withProducer } from '../../protocol/records.ts'
import type { BrokerClient } from '../network/broker.ts'
import type { ProducerIds } from './producer-ids.ts'
import { createTurn, type Lane, type Outgoing, type Sequencer, type Turn } from './sequencer.ts'

/** The largest a 16-bit epoch may be; Java keeps the last one back (ProducerBatch, Short.MAX_VALUE). */
const LAST_EPOCH = 32_766

interface PartitionState {
  producerId: number
  epoch: number
  next: number
  /** The last send in line for it. */
  last: Turn | undefined
}

/** What is known of one batch. */
interface Fate {
  readonly state: PartitionState
  /** Whether it has its sequence. */
  stamped: boolean
  appended: boolean
  /** A request with it is out, unanswered. */
  open: boolean
  /** It may have been appended. */
  unsure: boolean
  /** The broker does not go on with this epoch. */
  outOfStep: boolean
}

/** Answers after which the epoch's next sequence would be refused, too. */
const OUT_OF_STEP: ReadonlySet<number> = new Set([
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.INVALID_PRODUCER_EPOCH,
  ErrorCode.UNKNOWN_PRODUCER_ID,
])

/** @param onLostTrack only with transactions: this epoch cannot go on, `ids` have to be renewed */
export function createIdempotentSequencer(ids: ProducerIds, onLostTrack?: () => void): Sequencer {
  const partitions = new Map<string, PartitionState>()
  /** Of the last send to a topic: it has made its batches. */
  const admissions = new Map<string, Turn>()

  function stateOf({ topic, partition }: Outgoing): PartitionState {
    const key = `${topic}-${partition}`
    let state = partitions.get(key)
    if (state === undefined) {
      state = { producerId: -1, epoch: 0, next: 0, last: undefined }
      partitions.set(key, state)
    }
    return state
  }

  /** A partition that has no id yet, or has used up its epochs, gets one. */
  async function identify(state: PartitionState): Promise<void> {
    const known = ids.current()
    const { producerId, producerEpoch } =
      known === undefined || known.producerId === state.producerId ? await ids.renew() : known
    Object.assign(state, { producerId, epoch: producerEpoch, next: 0 })
  }

  /** With transactions: the epoch is that of the coordinator. */
  async function adopt(state: PartitionState): Promise<void> {
    const { producerId, producerEpoch } = ids.current() ?? (await ids.renew())
    if (state.producerId === producerId && state.epoch === producerEpoch) return
    Object.assign(state, { producerId, epoch: producerEpoch, next: 0 })
  }

  function stamp(batch: RecordBatch, state: PartitionState): RecordBatch {
    const stamped = withProducer(batch, state.producerId, state.epoch, state.next)
    state.next = sequenceAfter(state.next, batch.lastOffsetDelta + 1)
    return stamped
  }

  function settle({ state, stamped, appended, unsure, outOfStep }: Fate, { batch }: Outgoing): void {
    if (!stamped || appended) return
    if (!unsure && !outOfStep) {
      // It is not there, and nobody has come after it: the number is free again.
      state.next = batch.baseSequence
      return
    }
    if (onLostTrack !== undefined) {
      onLostTrack()
      return
    }
    state.epoch += 1
    state.next = 0
  }

  return {
    lane(topics): Lane {
      const turn = createTurn()
      const admission = createTurn()
      const before = topics.flatMap((topic) => admissions.get(topic)?.done ?? [])
      for (const topic of topics) admissions.set(topic, admission)
      const fates = new Map<Outgoing, Fate>()

      function admitNext(): void {
        for (const topic of topics) if (admissions.get(topic) === admission) admissions.delete(topic)
        admission.end()
      }

      return {
        admitted: afterAll(before),
        queue(batches) {
          // All turns are taken at once: two sends can never wait for each other.
          const earlier: Promise<void>[] = []
          for (const batch of batches) {
            const state = stateOf(batch)
            if (state.last !== undefined) earlier.push(state.last.done)
            state.last = turn
            fates.set(batch, {
              state,
              stamped: false,
              appended: false,
              open: false,
              unsure: false,
              outOfStep: false,
            })
          }
          admitNext()
          return afterAll(earlier)
        },
        async request<R>(_broker: BrokerClient, batches: readonly Outgoing[], attempt: () => Promise<R>): Promise<R> {
          for (const outgoing of batches) {
            const fate = fates.get(outgoing)
            if (fate === undefined || fate.stamped) continue
            const { state } = fate
            if (onLostTrack !== undefined) await adopt(state)
            else if (state.producerId < 0 || state.epoch > LAST_EPOCH) await identify(state)
            outgoing.batch = stamp(outgoing.batch, state)
            fate.stamped = true
          }
          for (const outgoing of batches) {
            const fate = fates.get(outgoing)
            if (fate !== undefined) fate.open = true
          }
          try {
            return await attempt()
          } finally {
            for (const outgoing of batches) {
              const fate = fates.get(outgoing)
              if (fate?.open !== true) continue
              // No answer, no knowledge.
              fate.open = false
              fate.unsure = true
            }
          }
        },
        answered(outgoing, errorCode) {
          const fate = fates.get(outgoing)
          if (fate === undefined) return
          fate.open = false
          if (errorCode === ErrorCode.NONE) fate.appended = true
          else if (OUT_OF_STEP.has(errorCode)) fate.outOfStep = true
          else if (!isRefusal(errorCode, -1)) fate.unsure = true
        },
        end() {
          for (const [outgoing, fate] of fates) {
            settle(fate, outgoing)
            if (fate.state.last === turn) fate.state.last = undefined
          }
          admitNext()
          turn.end()
        },
      }
    },
  }
}

function afterAll(promises: readonly Promise<void>[]): Promise<void> | undefined {
  if (promises.length < 2) return promises[0]
  return Promise.all(promises).then(() => undefined)
}
