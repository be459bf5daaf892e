/** A healthy cluster on a scripted transport: `b1` coordinates groups, `b2` transactions, both lead partitions of `t`. */
import type { KafkaConfig, ProducerConfig } from '../../../src/client/index.ts'
import { createKafka } from '../../../src/client/index.ts'
import {
  makeAddOffsetsToTxnResponse,
  makeAddPartitionsToTxnPartitionResult,
  makeAddPartitionsToTxnResponse,
  makeAddPartitionsToTxnTopicResult,
  makeEndTxnResponse,
  makeFindCoordinatorResponse,
  makeInitProducerIdResponse,
  makeMetadataResponse,
  makeMetadataResponseBroker,
  makeMetadataResponsePartition,
  makeMetadataResponseTopic,
  makePartitionProduceResponse,
  makeProduceResponse,
  makeTopicProduceResponse,
  makeTxnOffsetCommitResponse,
  makeTxnOffsetCommitResponsePartition,
  makeTxnOffsetCommitResponseTopic,
} from '../../../src/protocol/make.ts'
import type {
  AddPartitionsToTxnRequest,
  ApiName,
  FindCoordinatorRequest,
  InitProducerIdRequest,
  ProduceRequest,
  TxnOffsetCommitRequest,
} from '../../../src/protocol/messages.ts'
import { allVersions, createScript, type SentRequest } from './script-transport.ts'

export type Script = ReturnType<typeof transactionScript>

/** @param special answers first, given how often the API was asked; a number is an error code; throws to fail the request */
export function transactionScript(
  special: (request: SentRequest, nth: number) => unknown = () => undefined,
  env: Readonly<Record<string, string>> = {},
) {
  const counts = new Map<string, number>()
  return createScript({
    env,
    answer: (request) => {
      const nth = (counts.get(request.api) ?? 0) + 1
      counts.set(request.api, nth)
      const answer = special(request, nth)
      if (typeof answer === 'number') return answerOf(request, answer)
      return answer ?? answerOf(request, 0)
    },
  })
}

function answerOf({ api, body }: SentRequest, errorCode: number): unknown {
  switch (api) {
    case 'ApiVersions':
      return allVersions
    case 'Metadata':
      return metadata()
    case 'FindCoordinator': {
      const nodeId = (body as FindCoordinatorRequest).keyType === 1 ? 2 : 1
      return makeFindCoordinatorResponse({ errorCode, nodeId, host: `b${nodeId}`, port: 9092 })
    }
    case 'InitProducerId': {
      const { producerId, producerEpoch } = body as InitProducerIdRequest
      const producer = producerId < 0 ? { producerId: 7, producerEpoch: 0 } : { producerId, producerEpoch }
      return makeInitProducerIdResponse({ errorCode, ...producer, producerEpoch: producer.producerEpoch + 1 })
    }
    case 'AddPartitionsToTxn':
      return makeAddPartitionsToTxnResponse({
        resultsByTopicV3AndBelow: (body as AddPartitionsToTxnRequest).v3AndBelowTopics.map(({ name, partitions }) =>
          makeAddPartitionsToTxnTopicResult({
            name,
            resultsByPartition: partitions.map((partitionIndex) =>
              makeAddPartitionsToTxnPartitionResult({ partitionIndex, partitionErrorCode: errorCode }),
            ),
          }),
        ),
      })
    case 'AddOffsetsToTxn':
      return makeAddOffsetsToTxnResponse({ errorCode })
    case 'TxnOffsetCommit':
      return makeTxnOffsetCommitResponse({
        topics: (body as TxnOffsetCommitRequest).topics.map(({ name, partitions }) =>
          makeTxnOffsetCommitResponseTopic({
            name,
            partitions: partitions.map(({ partitionIndex }) =>
              makeTxnOffsetCommitResponsePartition({ partitionIndex, errorCode }),
            ),
          }),
        ),
      })
    case 'EndTxn':
      return makeEndTxnResponse({ errorCode })
    case 'Produce':
      return makeProduceResponse({
        responses: (body as ProduceRequest).topicData.map(({ name, partitionData }) =>
          makeTopicProduceResponse({
            name,
            partitionResponses: partitionData.map(({ index }) => makePartitionProduceResponse({ index, errorCode })),
          }),
        ),
      })
    default:
      throw new Error(`nobody answers ${api}`)
  }
}

const metadata = () =>
  makeMetadataResponse({
    controllerId: 1,
    brokers: [1, 2].map((nodeId) => makeMetadataResponseBroker({ nodeId, host: `b${nodeId}`, port: 9092 })),
    topics: [
      makeMetadataResponseTopic({
        name: 't',
        partitions: [0, 1].map((partitionIndex) =>
          makeMetadataResponsePartition({ partitionIndex, leaderId: partitionIndex + 1 }),
        ),
      }),
    ],
  })

export async function connected(run: Script, options: ProducerConfig = {}, config: Partial<KafkaConfig> = {}) {
  const kafka = createKafka(run.transport, run.host, { brokers: ['b1:9092', 'b2:9092'], logLevel: 0, ...config })
  const producer = kafka.producer({ transactionalId: 'tx', ...options })
  await producer.connect()
  return producer
}

const UNRELATED: ReadonlySet<ApiName> = new Set(['ApiVersions', 'Metadata'])

/** What was asked whom: `EndTxn v1 @b2`. */
export function asked(run: Script): string[] {
  return run.requests
    .filter(({ api }) => !UNRELATED.has(api))
    .map(({ api, version, address }) => `${api} v${version} @${address.slice(0, 2)}`)
}

export function bodies<T>(run: Script, api: ApiName): T[] {
  return run.requests.filter((request) => request.api === api).map(({ body }) => body as T)
}

/** Producer id, epoch and first sequence of every batch that left, by partition. */
export function marks(run: Script): string[] {
  return bodies<ProduceRequest>(run, 'Produce').flatMap(({ topicData }) =>
    topicData.flatMap(({ partitionData }) =>
      partitionData.flatMap(({ index, records }) =>
        (records ?? []).map(
          ({ producerId, producerEpoch, baseSequence }) => `${index}: ${producerId}/${producerEpoch}/${baseSequence}`,
        ),
      ),
    ),
  )
}

/** A message record for a partition of `t`. */
export const to = (partition: number, count = 1) => ({
  topic: 't',
  messages: Array.from({ length: count }, () => ({ value: 'x', partition })),
})
export const offsets = { consumerGroupId: 'g', topics: [{ topic: 't', partitions: [{ partition: 0, offset: '3' }] }] }
export const ENDED = 'Cannot continue to use transaction once ended'
