/**
 * Requests that wait for a transaction coordinator (AddPartitionsToTxnManager). None waits for ever: without an answer, because the
 * coordinator dies, is cut off or says nothing, it goes on with NETWORK_EXCEPTION, which clients are told as something to retry.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { HANDLERS } from '../api/index.ts'
import { intConfig } from '../config.ts'
import type { Context, Decision } from '../decision.ts'
import { beginVerification } from '../log/index.ts'
import { armProducerExpiry } from '../maintenance.ts'
import { brokerEpochOf, isAlive, TRANSACTION_TOPIC } from '../metadata.ts'
import type { TxnPartitionsAnswer } from '../replication/messages.ts'
import { type BrokerState, logOf } from '../state.ts'
import { transactionPartition } from '../transactions/shard.ts'
import { isQuestionable, type Question, type Understood } from './question.ts'

export interface ParkedQuestion {
  readonly question: Question
  readonly guards: ReadonlyMap<string, number>
  readonly coordinator: number
  /** Which incarnation of it was asked. */
  readonly brokerEpoch: number
  /** When it was asked first. */
  readonly since: number
  /** It has been answered with something that passes soon: it is asked again in a moment. */
  readonly isBackingOff: boolean
}

/** Handles a request whose question is answered, and does what follows from that at once: the next one builds on it. */
export type Resume = (handle: (out: Decision) => void) => void

/** Carries out `ask-transaction`. */
export function askTransaction(
  state: BrokerState,
  question: Question,
  ctx: Context,
  out: Decision,
  resume: Resume,
  since = ctx.now,
): void {
  const { transactionalId, producerId, epoch: producerEpoch, understood } = question
  const guards = begin(state, question, ctx, out)
  const names = [...guards.keys()]
  if (names.length === 0) return goOn(state, question, guards, new Map(), ctx, resume)
  const coordinator = coordinatorOf(state, transactionalId)
  if (coordinator === null) {
    const errors = new Map(names.map((name) => [name, ErrorCode.COORDINATOR_NOT_AVAILABLE]))
    return goOn(state, question, guards, errors, ctx, resume)
  }
  const request = state.nextQuestion++
  const brokerEpoch = brokerEpochOf(state.image, coordinator)
  state.questions.set(request, { question, guards, coordinator, brokerEpoch, since, isBackingOff: false })
  const verifyOnly = understood !== 'adds'
  const transaction = { transactionalId, producerId, producerEpoch, verifyOnly, partitions: names }
  out.facts.push({
    type: 'verification.asked',
    node: state.id,
    coordinator,
    transactionalId,
    adds: !verifyOnly,
    partitions: names,
  })
  out.sends.push({ to: coordinator, message: { type: 'txn-partitions', from: state.id, request, transaction } })
  const at = ctx.now + intConfig(state.config, 'request.timeout.ms')
  out.timers.push({ key: timerKey(request), at, timer: { type: 'verification', request } })
}

/** UnifiedLog.maybeStartTransactionVerification. */
function begin(
  state: BrokerState,
  { partitions, producerId, epoch, understood }: Question,
  ctx: Context,
  out: Decision,
): Map<string, number> {
  const guards = new Map<string, number>()
  for (const { topic, partition, sequence } of partitions) {
    const log = logOf(state, topic, partition)
    // It may have been opened since it was asked about first.
    if (log === undefined || !isQuestionable(state, log, producerId, epoch, understood)) continue
    guards.set(log.key, beginVerification(log, producerId, epoch, sequence, understood === 'adds', ctx.now))
    armProducerExpiry(state, log, ctx.now, out)
  }
  return guards
}

/** AddPartitionsToTxnManager.getTransactionCoordinator; null = there is none now. */
function coordinatorOf(state: BrokerState, transactionalId: string): number | null {
  const partition = transactionPartition(state, transactionalId)
  const leader = state.image.topics.get(TRANSACTION_TOPIC)?.partitions[partition]?.leader ?? -1
  return leader >= 0 && isAlive(state.image, leader) ? leader : null
}

/** The coordinator answers. */
export function onTransactionAnswer(
  state: BrokerState,
  { request, results }: TxnPartitionsAnswer,
  ctx: Context,
  resume: Resume,
): void {
  const parked = state.questions.get(request)
  if (parked?.isBackingOff) return
  if (parked !== undefined && asksAgain(state, parked, results, ctx)) {
    state.questions.set(request, { ...parked, isBackingOff: true })
    const at = ctx.now + intConfig(state.config, 'add.partitions.to.txn.retry.backoff.ms')
    return resume((out) => out.timers.push({ key: timerKey(request), at, timer: { type: 'verification', request } }))
  }
  finish(state, request, (name) => results.get(name) ?? ErrorCode.NETWORK_EXCEPTION, ctx, resume)
}

/** The transaction before is about to end: worth a moment, if the leader adds (ReplicaManager.handleProduceAppend). */
function asksAgain(
  { config }: BrokerState,
  { question: { request, understood }, since }: ParkedQuestion,
  results: ReadonlyMap<string, number>,
  { now }: Context,
): boolean {
  const isBusy = [...results.values()].includes(ErrorCode.CONCURRENT_TRANSACTIONS)
  const longest = intConfig(config, 'add.partitions.to.txn.retry.backoff.max.ms')
  return isBusy && understood === 'adds' && request.api === 'Produce' && now - since < longest
}

export function onQuestionTimer(state: BrokerState, request: number, ctx: Context, resume: Resume): void {
  const parked = state.questions.get(request)
  if (!parked?.isBackingOff) return noAnswer(state, request, ctx, resume)
  state.questions.delete(request)
  resume((out) => askTransaction(state, parked.question, ctx, out, resume, parked.since))
}

function noAnswer(state: BrokerState, request: number, ctx: Context, resume: Resume): void {
  finish(state, request, () => ErrorCode.NETWORK_EXCEPTION, ctx, resume)
}

/** The link to a broker works again: what was said over it before is lost. */
export function onQuestionsLost(state: BrokerState, coordinator: number, ctx: Context, resume: Resume): void {
  for (const [request, asked] of [...state.questions])
    if (asked.coordinator === coordinator) noAnswer(state, request, ctx, resume)
}

/** Brokers came or went: who is not there any more, or has started anew, does not answer. */
export function onBrokersChanged(state: BrokerState, ctx: Context, resume: Resume): void {
  for (const [request, { coordinator, brokerEpoch }] of [...state.questions]) {
    const isThere = isAlive(state.image, coordinator) && brokerEpochOf(state.image, coordinator) === brokerEpoch
    if (!isThere) noAnswer(state, request, ctx, resume)
  }
}

function finish(
  state: BrokerState,
  request: number,
  errorOf: (name: string) => number,
  ctx: Context,
  resume: Resume,
): void {
  const parked = state.questions.get(request)
  if (parked === undefined) return
  state.questions.delete(request)
  const { question, guards } = parked
  const errors = new Map<string, number>()
  for (const name of guards.keys()) {
    const errorCode = understoodBy(question.understood, errorOf(name))
    if (errorCode !== ErrorCode.NONE) errors.set(name, errorCode)
  }
  goOn(state, question, guards, errors, ctx, (handle) =>
    resume((out) => {
      out.timers.push({ key: timerKey(request), at: null })
      handle(out)
    }),
  )
}

/** AddPartitionsToTxnHandler.onComplete. */
function understoodBy(understood: Understood, errorCode: number): number {
  // The coordinator's word; producers know the leader's.
  if (errorCode === ErrorCode.PRODUCER_FENCED) return ErrorCode.INVALID_PRODUCER_EPOCH
  return errorCode === ErrorCode.TRANSACTION_ABORTABLE && understood === 'old-errors'
    ? ErrorCode.INVALID_TXN_STATE
    : errorCode
}

function goOn(
  state: BrokerState,
  { request, producerId, transactionalId, errors: before }: Question,
  guards: ReadonlyMap<string, number>,
  errors: ReadonlyMap<string, number>,
  ctx: Context,
  resume: Resume,
): void {
  resume((out) => {
    for (const [name, errorCode] of errors)
      out.facts.push({
        type: 'verification.refused',
        node: state.id,
        transactionalId,
        producerId,
        name,
        errorCode,
        final: FINAL.includes(errorCode),
      })
    const verified = { guards, errors: new Map([...before, ...errors]) }
    HANDLERS.get(request.api)?.resume?.(state, request as never, verified, ctx, out)
  })
}

/** The others are worth another try. */
const FINAL: readonly number[] = [
  ErrorCode.INVALID_TXN_STATE,
  ErrorCode.TRANSACTION_ABORTABLE,
  ErrorCode.INVALID_PRODUCER_EPOCH,
  ErrorCode.INVALID_PRODUCER_ID_MAPPING,
  ErrorCode.INVALID_REQUEST,
]

function timerKey(request: number): string {
  return `verification/${request}`
}
