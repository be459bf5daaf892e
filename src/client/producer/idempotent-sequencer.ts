/**
 * Sequence numbers that are safe whatever gets lost (KIP-98, 360): a batch keeps its sequence until its outcome is known, and the
 * next one to the same partition waits until then. So a repetition is the same to the broker, and order is that of the sends.
 *
 * A batch that is given up without a known outcome leaves a hole, or none, that nobody can tell. Its partition goes on in the next
 * epoch, from 0: the broker then refuses what may still be under way of the epoch before (TransactionManager,
 * requestIdempotentEpochBumpForPartition). Epochs are counted by partition, as the broker does without transactions.
 *
 * With transactions the coordinator counts them: the numbers begin anew when it gives another one, and who asks it for that is told.
 * An epoch that is over there is no unknown outcome: the answer that said so is told, too.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { isRefusal } from '../../protocol/recorder.ts'
import { sequenceAfter, withProducer } from '../../protocol/records.ts'
import type { BrokerClient } from '../network/broker.ts'
import type { ProducerIds } from './producer-ids.ts'
import { type Lane, type Outgoing, type Sequencer, Turn } from './sequencer.ts'

/** The largest a 16-bit epoch may be; Java keeps the last one back (ProducerBatch, Short.MAX_VALUE). */
const LAST_EPOCH = 32_766

interface PartitionState {
  producerId: number
  epoch: number
  next: number
  /** The last send in line for it, while it is not over. */
  last: Turn | undefined
}

/** What is known of one batch. */
interface Fate {
  readonly outgoing: Outgoing
  readonly state: PartitionState
  /** Whether it has its sequence. */
  stamped: boolean
  appended: boolean
  /** A request with it has left and was not answered, so it may have been appended. */
  open: boolean
  /** It may have been appended by an earlier request, or by this one, whatever its answer said. */
  unsure: boolean
  /** The broker does not go on with this epoch. */
  outOfStep: boolean
  /** The answer that ends the epoch for good, `NONE` before it. */
  fatal: number
}

/** Answers after which the epoch's next sequence would be refused, too. */
const OUT_OF_STEP: ReadonlySet<number> = new Set([
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.INVALID_PRODUCER_EPOCH,
  ErrorCode.UNKNOWN_PRODUCER_ID,
])

/** Answers after which nothing of this epoch can be committed: somebody else took over, or the coordinator has ended it. */
const FATAL: ReadonlySet<number> = new Set([
  ErrorCode.INVALID_PRODUCER_EPOCH,
  ErrorCode.PRODUCER_FENCED,
  ErrorCode.INVALID_PRODUCER_ID_MAPPING,
  ErrorCode.INVALID_TXN_STATE,
  ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
])

/**
 * Only with transactions: the epoch cannot go on, the ids have to be renewed.
 * @param fatal the broker's answer that ends it for good; `NONE` = an outcome is unknown, or the numbers are out of step
 */
export type OnLostTrack = (fatal: number) => void

/** What the sends of one producer share. */
interface Lines {
  readonly ids: ProducerIds
  /** By topic, then partition. */
  readonly partitions: Map<string, PartitionState[]>
  /** Of each topic the last send that has yet to make its batches. */
  readonly admissions: Map<string, Turn>
  /** Only with transactions. */
  readonly onLostTrack: OnLostTrack | undefined
}

export function createIdempotentSequencer(ids: ProducerIds, onLostTrack?: OnLostTrack): Sequencer {
  const lines: Lines = { ids, partitions: new Map(), admissions: new Map(), onLostTrack }
  return { lane: (topics) => new IdempotentLane(lines, topics) }
}

class IdempotentLane implements Lane {
  readonly admitted: Promise<void> | undefined
  readonly #lines: Lines
  readonly #topics: readonly string[]
  readonly #admission = new Turn()
  readonly #turn = new Turn()
  #fates: Fate[] = []

  constructor(lines: Lines, topics: readonly string[]) {
    this.#lines = lines
    this.#topics = topics
    const before: Promise<void>[] = []
    for (const topic of topics) {
      const last = lines.admissions.get(topic)
      if (last !== undefined) before.push(last.done)
      lines.admissions.set(topic, this.#admission)
    }
    this.admitted = afterAll(before)
  }

  /** All turns are taken at once: two sends can never wait for each other. */
  queue(batches: readonly Outgoing[]): Promise<void> | undefined {
    const earlier: Promise<void>[] = []
    for (const outgoing of batches) {
      const state = stateOf(this.#lines, outgoing)
      if (state.last !== undefined) earlier.push(state.last.done)
      state.last = this.#turn
      this.#fates.push({
        outgoing,
        state,
        stamped: false,
        appended: false,
        open: false,
        unsure: false,
        outOfStep: false,
        fatal: ErrorCode.NONE,
      })
    }
    this.#admitNext()
    return afterAll(earlier)
  }

  request<R>(_broker: BrokerClient, batches: readonly Outgoing[], attempt: () => Promise<R>): Promise<R> {
    for (const outgoing of batches) {
      const { state, stamped } = this.#fateOf(outgoing)
      if (!stamped && !this.#isIdentified(state))
        return this.#identifyAll(batches).then(() => this.#send(batches, attempt))
    }
    return this.#send(batches, attempt)
  }

  #send<R>(batches: readonly Outgoing[], attempt: () => Promise<R>): Promise<R> {
    for (const outgoing of batches) {
      const fate = this.#fateOf(outgoing)
      stamp(fate)
      // The request before it was not answered.
      if (fate.open) fate.unsure = true
      fate.open = true
    }
    return attempt()
  }

  answered(outgoing: Outgoing, errorCode: number): void {
    const fate = this.#fateOf(outgoing)
    fate.open = false
    if (FATAL.has(errorCode)) fate.fatal = errorCode
    if (errorCode === ErrorCode.NONE) fate.appended = true
    else if (OUT_OF_STEP.has(errorCode)) fate.outOfStep = true
    else if (!isRefusal(errorCode, -1)) fate.unsure = true
  }

  end(): void {
    for (const fate of this.#fates) {
      settle(fate, this.#lines)
      if (fate.state.last === this.#turn) fate.state.last = undefined
    }
    this.#admitNext()
    this.#turn.end()
  }

  #admitNext(): void {
    const { admissions } = this.#lines
    for (const topic of this.#topics) if (admissions.get(topic) === this.#admission) admissions.delete(topic)
    this.#admission.end()
  }

  #fateOf(outgoing: Outgoing): Fate {
    for (const fate of this.#fates) if (fate.outgoing === outgoing) return fate
    throw new Error('a batch is sent that was never put in line')
  }

  #isIdentified({ producerId, epoch }: PartitionState): boolean {
    const { ids, onLostTrack } = this.#lines
    if (onLostTrack === undefined) return producerId >= 0 && epoch <= LAST_EPOCH
    const known = ids.current()
    return known !== undefined && known.producerId === producerId && known.producerEpoch === epoch
  }

  /** A partition that has no id yet, or has used up its epochs, gets one. */
  async #identifyAll(batches: readonly Outgoing[]): Promise<void> {
    const { ids, onLostTrack } = this.#lines
    for (const outgoing of batches) {
      const { state, stamped } = this.#fateOf(outgoing)
      if (stamped || this.#isIdentified(state)) continue
      const known = ids.current()
      // With transactions the epoch is that of the coordinator.
      const isNew = known !== undefined && (onLostTrack !== undefined || known.producerId !== state.producerId)
      const { producerId, producerEpoch } = isNew ? known : await ids.renew()
      Object.assign(state, { producerId, epoch: producerEpoch, next: 0 })
    }
  }
}

function stateOf({ partitions }: Lines, { topic, partition }: Outgoing): PartitionState {
  let ofTopic = partitions.get(topic)
  if (ofTopic === undefined) {
    ofTopic = []
    partitions.set(topic, ofTopic)
  }
  let state = ofTopic[partition]
  if (state === undefined) {
    state = { producerId: -1, epoch: 0, next: 0, last: undefined }
    ofTopic[partition] = state
  }
  return state
}

/** Once: after that the batch goes as it is, whatever comes. */
function stamp(fate: Fate): void {
  if (fate.stamped) return
  fate.stamped = true
  const { state, outgoing } = fate
  outgoing.batch = withProducer(outgoing.batch, state.producerId, state.epoch, state.next)
  state.next = sequenceAfter(state.next, outgoing.batch.lastOffsetDelta + 1)
}

function settle(fate: Fate, { ids, onLostTrack }: Lines): void {
  const { outgoing, state, stamped, appended, open, unsure, fatal } = fate
  if (!stamped || appended) return
  const outOfStep = fate.outOfStep || (onLostTrack !== undefined && fatal !== ErrorCode.NONE)
  if (!open && !unsure && !outOfStep) {
    // It is not there, and nobody has come after it: the number is free again.
    state.next = outgoing.batch.baseSequence
    return
  }
  if (onLostTrack !== undefined) {
    const known = ids.current()
    // Of an epoch that is over (KIP-890) nobody has to know any more.
    if (known?.producerId === state.producerId && known.producerEpoch === state.epoch) onLostTrack(fatal)
    return
  }
  state.epoch += 1
  state.next = 0
}

function afterAll(promises: readonly Promise<void>[]): Promise<void> | undefined {
  if (promises.length < 2) return promises[0]
  return Promise.all(promises).then(() => undefined)
}
