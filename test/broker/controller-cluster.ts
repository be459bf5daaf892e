/**
 * Brokers and their controller in one queue, without time: every message takes its turn, so a test can stop between two of
 * them, lose one, or let one come late.
 */
import {
  alterPartition,
  type BrokerState,
  brokerConfig,
  type Context,
  type ControllerState,
  createBrokerState,
  createController,
  type Decision,
  type MetadataRecord,
  offerOf,
  registerBroker,
  type Switches,
  stepController,
  stepMetadata,
  stepPeer,
  stepRequest,
  stepRestart,
  stepTimer,
  switchesOf,
  unfenceBroker,
} from '../../src/broker/index.ts'
import type { AlterPartition, PeerMessage } from '../../src/broker/replication/messages.ts'
import {
  makeFetchPartition,
  makeFetchRequest,
  makePartitionProduceData,
  makeProduceRequest,
  makeTopicProduceData,
} from '../../src/protocol/make.ts'
import type { ApiName, FetchResponse, ProduceResponse, RequestOf } from '../../src/protocol/messages.ts'
import { batchOf } from './support.ts'

type Message =
  | { readonly type: 'metadata'; readonly to: number; readonly upTo: number }
  | { readonly type: 'peer'; readonly to: number; readonly message: PeerMessage }
  | { readonly type: 'alter'; readonly from: number; readonly message: AlterPartition }

export interface TestCluster {
  readonly controller: ControllerState
  readonly brokers: Map<number, BrokerState>
  readonly down: Set<number>
  /** What is under way. */
  readonly queue: Message[]
  readonly answers: Map<number, unknown>
  now: number
  /** What the controller decided goes to the brokers. */
  publish(records: readonly MetadataRecord[]): void
  /** Delivers one message, or all there are. */
  deliver(): void
  settle(): void
  /** A broker starts: it reads the metadata log, registers and is unfenced when it has read about that. */
  start(id: number, options?: { readonly cleanShutdown?: boolean }): void
  send<A extends ApiName>(to: number, api: A, version: number, body: RequestOf<A>): number
  produce(
    to: number,
    values: readonly string[],
    acks?: number,
  ): ProduceResponse['responses'][number]['partitionResponses'][number] | undefined
  fetch(to: number, offset: number, options?: { readonly version?: number; readonly rackId?: string }): number
  isrChecks(): void
}

export interface TestClusterOptions {
  readonly brokers?: number
  readonly config?: Readonly<Record<string, string>>
  readonly switches?: Partial<Switches>
  readonly racks?: readonly string[]
}

export function testCluster(options: TestClusterOptions = {}): TestCluster {
  const config = brokerConfig(options.config ?? {})
  const switches = { ...switchesOf('4.3'), ...options.switches }
  const controller = createController(config, switches)
  const queue: Message[] = []
  let correlationId = 0
  const context = (): Context => ({ now: cluster.now, uuid: () => 'uuid', memberUuid: () => 'member' })
  const carryOut = (from: number, decision: Decision) => {
    for (const { to, message } of decision.sends) {
      if (to !== 'controller') queue.push({ type: 'peer', to, message })
      else if (message.type === 'alter-partition') queue.push({ type: 'alter', from, message })
    }
    for (const { token, body } of decision.replies) cluster.answers.set(token.correlationId, body)
    for (const { request, replyTo } of decision.forwards) {
      const { records, response } = stepController(controller, request, () => 'uuid')
      cluster.publish(records)
      if (replyTo !== null) cluster.answers.set(replyTo.correlationId, response)
    }
  }
  const brokerAt = (id: number): BrokerState => {
    const broker = cluster.brokers.get(id)
    if (broker === undefined) throw new Error(`there is no broker ${id}`)
    return broker
  }
  const handle = (message: Message) => {
    if (message.type === 'alter') {
      const { records, errorCode } = alterPartition(controller, message.from, message.message)
      cluster.publish(records)
      if (errorCode !== 0) {
        const { topicId, partition, partitionEpoch } = message.message
        const refused = { type: 'alter-refused', topicId, partition, partitionEpoch, errorCode } as const
        queue.push({ type: 'peer', to: message.from, message: refused })
      }
      return
    }
    if (cluster.down.has(message.to)) return
    const broker = brokerAt(message.to)
    if (message.type === 'peer') carryOut(broker.id, stepPeer(broker, message.message, context()))
    else {
      const records = controller.log.slice(broker.image.offset, message.upTo)
      carryOut(broker.id, stepMetadata(broker, records, context()))
    }
  }
  const cluster: TestCluster = {
    controller,
    brokers: new Map(),
    down: new Set(),
    queue,
    answers: new Map(),
    now: 1_000_000,
    publish(records) {
      if (records.length === 0) return
      for (const id of cluster.brokers.keys()) queue.push({ type: 'metadata', to: id, upTo: controller.log.length })
    },
    deliver() {
      const message = queue.shift()
      if (message !== undefined) handle(message)
    },
    settle() {
      for (let count = 0; queue.length > 0; count++) {
        if (count > 10_000) throw new Error('the cluster does not come to rest')
        cluster.deliver()
      }
    },
    start(id, { cleanShutdown = true } = {}) {
      cluster.down.delete(id)
      stepRestart(brokerAt(id), 0)
      const rack = options.racks?.[id - 1] ?? null
      cluster.publish(registerBroker(controller, { id, host: 'h', port: 9091 + id, rack, cleanShutdown }))
      cluster.publish(unfenceBroker(controller, id))
    },
    send(to, api, version, body) {
      const inbound = {
        api,
        apiVersion: version,
        body,
        connection: 1,
        clientId: 'client',
        clientHost: '/127.0.0.1',
        correlationId: ++correlationId,
      }
      carryOut(to, stepRequest(brokerAt(to), inbound, context()))
      return inbound.correlationId
    },
    produce(to, values, acks = -1) {
      const partitionData = [makePartitionProduceData({ index: 0, records: [batchOf(values)] })]
      const topicData = [makeTopicProduceData({ name: 'orders', partitionData })]
      const id = cluster.send(to, 'Produce', 7, makeProduceRequest({ acks, timeoutMs: 1000, topicData }))
      cluster.settle()
      return (cluster.answers.get(id) as ProduceResponse | undefined)?.responses[0]?.partitionResponses[0]
    },
    fetch(to, fetchOffset, { version = 11, rackId = '' } = {}) {
      const partitions = [makeFetchPartition({ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 })]
      const topics = [{ topic: 'orders', topicId: '', partitions }]
      const limits = { maxWaitMs: 500, minBytes: 1, maxBytes: 1_000_000 }
      return cluster.send(to, 'Fetch', version, makeFetchRequest({ ...limits, topics, rackId }))
    },
    isrChecks() {
      for (const broker of cluster.brokers.values()) {
        if (!cluster.down.has(broker.id)) carryOut(broker.id, stepTimer(broker, { type: 'isr-check' }, context()))
      }
      cluster.settle()
    },
  }
  const count = options.brokers ?? 3
  for (let id = 1; id <= count; id++) {
    cluster.brokers.set(id, createBrokerState(id, config, switches, offerOf('4.3')))
  }
  for (let id = 1; id <= count; id++) cluster.start(id)
  cluster.settle()
  return cluster
}

export function fetched(cluster: TestCluster, correlationId: number) {
  return (cluster.answers.get(correlationId) as FetchResponse | undefined)?.responses[0]?.partitions[0]
}

/** The ends of the replicas' logs; undefined = the broker holds none. */
export function ends(cluster: TestCluster): (number | undefined)[] {
  return [...cluster.brokers.values()].map(({ logs }) => logs.get('orders')?.[0]?.logEndOffset)
}
