/** A transactional producer at its coordinator, spoken to request by request; markers are answered when the test says so. */
import type { TxnMarker } from '../../src/broker/replication/messages.ts'
import { loadTransactions } from '../../src/broker/transactions/shard.ts'
import { ErrorCode, errorName } from '../../src/protocol/errors.ts'
import {
  makeAddOffsetsToTxnRequest,
  makeAddPartitionsToTxnRequest,
  makeDescribeTransactionsRequest,
  makeEndTxnRequest,
  makeInitProducerIdRequest,
} from '../../src/protocol/make.ts'
import { type Bench, createBench } from './support.ts'

export const newBench = (config: Record<string, string> = {}, version?: string) =>
  createBench(
    { orders: 4, __transaction_state: 1, __consumer_offsets: 1 },
    config,
    version === undefined ? {} : { version },
  )

export const errorOf = ({ errorCode }: { readonly errorCode: number }) => errorName(errorCode)

export interface Producer {
  producerId: number
  epoch: number
}

export function begin(
  bench: Bench,
  { id = 'tx', timeoutMs = 60_000, version = 4, claims = null as Producer | null } = {},
) {
  const body = makeInitProducerIdRequest({
    transactionalId: id,
    transactionTimeoutMs: timeoutMs,
    producerId: claims?.producerId ?? -1,
    producerEpoch: claims?.epoch ?? -1,
  })
  const answer = bench.ask('InitProducerId', version, body)
  return { ...answer, epoch: answer.producerEpoch }
}

/** Blocks of producer ids come when they are asked for: the first answer is that there is none yet. */
export function producer(bench: Bench, options: Parameters<typeof begin>[1] = {}): Producer {
  let answer = begin(bench, options)
  for (let i = 0; i < 5 && answer.errorCode === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS; i++)
    answer = begin(bench, options)
  if (answer.errorCode !== 0) throw new Error(errorOf(answer))
  return { producerId: answer.producerId, epoch: answer.epoch }
}

export const add = (
  bench: Bench,
  { producerId, epoch }: Producer,
  partitions: readonly number[] = [0],
  { id = 'tx', topic = 'orders', version = 3 } = {},
) =>
  bench
    .ask(
      'AddPartitionsToTxn',
      version,
      makeAddPartitionsToTxnRequest({
        v3AndBelowTransactionalId: id,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: epoch,
        v3AndBelowTopics: [{ name: topic, partitions }],
      }),
    )
    .resultsByTopicV3AndBelow.flatMap(({ resultsByPartition }) =>
      resultsByPartition.map(({ partitionErrorCode }) => errorName(partitionErrorCode)),
    )

export const addOffsets = (bench: Bench, { producerId, epoch }: Producer, { id = 'tx', version = 3 } = {}) =>
  errorOf(
    bench.ask(
      'AddOffsetsToTxn',
      version,
      makeAddOffsetsToTxnRequest({ transactionalId: id, producerId, producerEpoch: epoch, groupId: 'g' }),
    ),
  )

export const end = (
  bench: Bench,
  { producerId, epoch }: Producer,
  committed: boolean,
  { id = 'tx', version = 3 } = {},
) =>
  bench.ask('EndTxn', version, makeEndTxnRequest({ transactionalId: id, producerId, producerEpoch: epoch, committed }))

export const stateOf = (bench: Bench, id = 'tx') => {
  const body = makeDescribeTransactionsRequest({ transactionalIds: [id] })
  const [found] = bench.ask('DescribeTransactions', 0, body).transactionStates
  if (found === undefined) throw new Error('no answer')
  return found.errorCode === 0 ? found.transactionState : errorOf(found)
}

/** Markers that were sent and not looked at yet. */
export function markers(
  bench: Bench,
): { readonly request: number; readonly to: number | 'controller'; readonly marker: TxnMarker }[] {
  const found = bench.sent.flatMap(({ to, message }) =>
    message.type === 'txn-markers' ? message.markers.map((marker) => ({ request: message.request, to, marker })) : [],
  )
  bench.sent.length = 0
  return found
}

/** The leaders have written them. */
export function written(bench: Bench, errorCode: number = ErrorCode.NONE): TxnMarker[] {
  const sent = markers(bench)
  for (const { request, marker } of sent) {
    const { producerId } = marker
    const results = marker.partitions.map(({ topic, partition }) => ({ producerId, topic, partition, errorCode }))
    bench.hear({ type: 'txn-markers-written', from: 1, request, results })
  }
  return sent.map(({ marker }) => marker)
}

/** What another coordinator makes of the log. */
export const reload = (bench: Bench) => loadTransactions(bench.state.logs.get('__transaction_state')?.[0] as never)
