/** Single requests to the brokers of a cluster, past its client: transactions as any client may write them. */
import type { Cluster, ClusterOptions } from 'kafkarium'
import { createKafka } from '../../src/client/kafka.ts'
import { createClusterCore } from '../../src/cluster/cluster.ts'
import { nodeHost } from '../../src/host/node.ts'
import { nodeClusterHost } from '../../src/host/turns.ts'
import {
  makePartitionProduceData,
  makeProduceRequest,
  makeTopicProduceData,
  makeWriteTxnMarkersRequest,
} from '../../src/protocol/make.ts'
import type { ApiName, RequestOf, ResponseOf } from '../../src/protocol/messages.ts'
import { encodeBatch } from '../../src/protocol/records.ts'
import type { Connection, Transport } from '../../src/protocol/transport.ts'

const TIMEOUT_MS = 3000

export interface RawCluster {
  readonly cluster: Cluster
  /** Rejects when the broker cannot be reached or does not answer in time. */
  ask<A extends ApiName>(node: number, api: A, version: number, body: RequestOf<A>): Promise<ResponseOf<A>>
  /** Writes values as one transactional batch to partition 0 of a topic; its error code, -1 = no answer. */
  write(topic: string, batch: RawBatch): Promise<number>
  /** Ends the producer's transaction in partition 0 of a topic; its error code, -1 = no answer. */
  end(topic: string, marker: RawMarker): Promise<number>
}

export interface RawBatch {
  readonly producerId: number
  readonly producerEpoch?: number
  readonly baseSequence: number
  readonly values: readonly string[]
}

export interface RawMarker {
  readonly producerId: number
  readonly producerEpoch?: number
  readonly coordinatorEpoch?: number
  readonly commit: boolean
}

export function rawCluster(options: ClusterOptions): RawCluster {
  let transport: Transport | undefined
  const cluster: Cluster = createClusterCore(options, nodeClusterHost, (made, defaults, config) => {
    transport = made
    return createKafka(made, nodeHost, { ...defaults, brokers: [...defaults.brokers], ...config })
  })
  cluster.kafka({ clientId: 'raw' })
  const own = transport as Transport | undefined
  const open = new Map<number, Connection>()
  const connectionTo = async (node: number): Promise<Connection> => {
    const known = open.get(node)
    if (known?.isOpen) return known
    const address = cluster.view().nodes.find(({ id }) => id === node)
    if (own === undefined || address === undefined) throw new Error(`there is no broker ${node}`)
    const timeouts = { connectionTimeoutMs: TIMEOUT_MS, requestTimeoutMs: TIMEOUT_MS }
    const made = await own.connect(address.host, address.port, { clientId: 'raw', ...timeouts })
    open.set(node, made)
    return made
  }
  const leaderOf = (topic: string) =>
    cluster.view().topics.find(({ name }) => name === topic)?.partitions[0]?.leader ?? -1
  const raw: RawCluster = {
    cluster,
    ask: async (node, api, version, body) => (await connectionTo(node)).request(api, version, body),
    async write(topic, { producerId, producerEpoch = 0, baseSequence, values }) {
      const records = values.map((value) => ({ key: null, value, timestamp: cluster.now }))
      const batch = encodeBatch(records, { producerId, producerEpoch, baseSequence, transactional: true })
      const partitionData = [makePartitionProduceData({ index: 0, records: [batch] })]
      const topicData = [makeTopicProduceData({ name: topic, partitionData })]
      const body = makeProduceRequest({ acks: -1, timeoutMs: 2000, transactionalId: 'raw', topicData })
      return unlessLost(async () => {
        const { responses } = await raw.ask(leaderOf(topic), 'Produce', 9, body)
        return responses[0]?.partitionResponses[0]?.errorCode ?? -1
      })
    },
    async end(topic, { producerId, producerEpoch = 0, coordinatorEpoch = 0, commit: transactionResult }) {
      const topics = [{ name: topic, partitionIndexes: [0] }]
      const body = makeWriteTxnMarkersRequest({
        markers: [{ producerId, producerEpoch, coordinatorEpoch, transactionResult, topics }],
      })
      return unlessLost(async () => {
        const { markers } = await raw.ask(leaderOf(topic), 'WriteTxnMarkers', 1, body)
        return markers[0]?.topics[0]?.partitions[0]?.errorCode ?? -1
      })
    },
  }
  return raw
}

/** -1 for a request whose outcome is unknown; a broken law is none of those. */
async function unlessLost(ask: () => Promise<number>): Promise<number> {
  try {
    return await ask()
  } catch (error) {
    if ((error as { code?: string }).code === 'KAFKARIUM_LAW_BROKEN') throw error
    return -1
  }
}
