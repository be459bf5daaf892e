/** Wrong variants of KIP-890: what leaders ask coordinators before the first record, and transactions with an epoch each. */
import type { Mutant } from './mutant.ts'

const QUESTION = 'src/broker/verification/question.ts'
const PARK = 'src/broker/verification/park.ts'
const VERIFICATION = 'src/broker/log/verification.ts'
const PRODUCERS = 'src/broker/log/producers.ts'
const CHECK = 'src/broker/log/producer-check.ts'
const PRODUCE = 'src/broker/api/produce-verification.ts'
const COORDINATOR = 'src/broker/transactions/coordinator.ts'
const ANSWERS = 'src/broker/transactions/answers.ts'
const BATCHES = 'src/broker/transactions/batches.ts'

export const TRANSACTION_VERIFICATION_MUTANTS: readonly Mutant[] = [
  {
    id: 'verification-not-asked',
    file: QUESTION,
    find: "(understood === 'adds' || verifies(state)) && !hasOpenTransaction(",
    replace: "understood === 'adds' && !hasOpenTransaction(",
    wrong: 'Nobody asks the coordinator.',
    rule: 'KIP-890, T6',
  },
  {
    id: 'guard-not-compared',
    file: QUESTION,
    find: 'return guard === undefined || guard !== guards.get(key)',
    replace: 'return guard === undefined',
    wrong: 'An answer about the last transaction lets a record into the next.',
    rule: 'VerificationGuard.verify, T6',
  },
  {
    id: 'guard-outlives-marker',
    file: PRODUCERS,
    find: 'if (producers.verifications.size > 0 && isTransactional(batch)) producers.verifications.delete(producerId)',
    replace: 'if (producers.verifications.size > 0 && !isControl(batch)) producers.verifications.delete(producerId)',
    wrong: 'A marker leaves the guard where it is: an answer from before it still counts.',
    rule: 'UnifiedLog.updateProducers, T6',
  },
  {
    id: 'answers-not-read',
    file: PARK,
    find: 'finish(state, request, (name) => results.get(name) ?? ErrorCode.NETWORK_EXCEPTION, ctx, resume)',
    replace:
      'finish(state, request, () => (results.size > 0 ? ErrorCode.NONE : ErrorCode.NETWORK_EXCEPTION), ctx, resume)',
    wrong: 'Whatever the coordinator says, the record is written.',
    rule: 'AddPartitionsToTxnHandler.onComplete',
  },
  {
    id: 'question-waits-for-ever',
    file: PARK,
    find: "  out.timers.push({ key: timerKey(request), at, timer: { type: 'verification', request } })\n",
    replace: '  void at\n',
    wrong: 'Without an answer a produce waits for ever.',
    rule: 'V1, request.timeout.ms',
  },
  {
    id: 'busy-coordinator-asked-for-ever',
    file: PARK,
    find: "request.api === 'Produce' && now - since < longest",
    replace: "request.api === 'Produce' && now - since < longest * 1000",
    wrong: 'A leader asks again and again while a transaction does not end.',
    rule: 'V1, add.partitions.to.txn.retry.backoff.max.ms',
  },
  {
    id: 'dead-coordinator-waited-for',
    file: PARK,
    find: 'if (!isThere) noAnswer(state, request, ctx, resume)',
    replace: 'if (isThere && brokerEpoch < 0) noAnswer(state, request, ctx, resume)',
    wrong: 'A coordinator that died is waited for.',
    rule: 'AddPartitionsToTxnHandler, wasDisconnected',
  },
  {
    id: 'lower-sequence-outrun',
    file: VERIFICATION,
    find: 'const isOutrun = baseSequence > asked.lowestSequence || (',
    replace: 'const isOutrun = (',
    wrong: 'A later batch begins a transaction while an earlier one is still to be verified.',
    rule: 'VerificationStateEntry.lowestSequence, P4',
  },
  {
    id: 'sequence-begins-anywhere',
    file: VERIFICATION,
    find: ' || (asked.bumps && entry === undefined && baseSequence !== 0)',
    replace: '',
    wrong: 'A transaction with an epoch of its own may begin in the middle.',
    rule: 'ProducerAppendInfo.checkSequence',
  },
  {
    id: 'busy-coordinator-told',
    file: PRODUCE,
    find: 'apiVersion >= PRODUCE_ADDS\n',
    replace: 'apiVersion > 0\n',
    wrong: 'Clients that cannot know it are told CONCURRENT_TRANSACTIONS.',
    rule: 'ReplicaManager.handleProduceAppend',
  },
  {
    id: 'pending-comes-last',
    file: COORDINATOR,
    find: '  if (pendingFirst && pending !== null) return ErrorCode.CONCURRENT_TRANSACTIONS\n',
    replace: '',
    wrong: 'Who has the next producer id already is a stranger until the end is complete.',
    rule: 'KIP-890, TransactionCoordinator.handleAddPartitionsToTransaction',
  },
  {
    id: 'nothing-to-abort',
    file: COORDINATOR,
    find: 'return commit ? ErrorCode.INVALID_TXN_STATE : null',
    replace: 'return commit ? ErrorCode.INVALID_TXN_STATE : ErrorCode.INVALID_TXN_STATE',
    wrong: 'A producer that aborts to be sure is refused, and keeps its epoch.',
    rule: 'KIP-890, TransactionCoordinator.endTransaction',
  },
  {
    id: 'zombie-ends-with-epochs',
    file: COORDINATOR,
    find: '? claimed.epoch >= epoch : claimed.epoch === epoch',
    replace: '? claimed.epoch >= epoch : claimed.epoch <= epoch',
    wrong: 'A producer of an earlier epoch ends the transaction of its successor.',
    rule: 'T4, A21, KIP-890, TransactionCoordinator.endTransaction',
  },
  {
    id: 'pending-ignored-with-epochs',
    file: COORDINATOR,
    find: '  if (pending !== null && !isFence) return ErrorCode.CONCURRENT_TRANSACTIONS\n',
    replace: '',
    wrong: 'What is on its way into the log is decided a second time.',
    rule: 'T1, KIP-890, CONCURRENT_TRANSACTIONS',
  },
  {
    id: 'abort-of-committed-with-epochs',
    file: COORDINATOR,
    find: "const asDecided = (state === 'CompleteCommit') === commit ? ErrorCode.NONE : ErrorCode.INVALID_TXN_STATE",
    replace: 'const asDecided = ErrorCode.NONE',
    wrong: 'Who asks again with the contrary is told that it was so.',
    rule: 'KIP-890, TransactionCoordinator.endTransaction',
  },
  {
    id: 'rotation-not-told',
    file: ANSWERS,
    find: 'return nextProducerId === NO_PRODUCER\n',
    replace: 'return nextProducerId >= NO_PRODUCER\n',
    wrong: 'A producer whose epochs are used up is not told its new id.',
    rule: 'KIP-890, TransactionCoordinator.endTransaction',
  },
  {
    id: 'late-marker-ends-the-next',
    file: CHECK,
    find: 'if ((marker.version ?? 0) >= 2 && isOfTheNext) return ErrorCode.INVALID_PRODUCER_EPOCH',
    replace: 'void isOfTheNext',
    wrong: 'The marker of a transaction ends the next one when it comes late.',
    rule: 'KIP-1228, ProducerAppendInfo.checkProducerEpoch',
  },
  {
    id: 'batch-answered-too-early',
    file: BATCHES,
    find: 'if (results.some(([, found]) => found === null)) return',
    replace: 'if (results.every(([, found]) => found === null)) return',
    wrong: 'Several transactions are answered for when the first one is.',
    rule: 'KafkaApis.handleAddPartitionsToTxnRequest',
  },
]
