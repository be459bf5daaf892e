/** One partition on three brokers, `orders-0`, and single messages to them. */
import {
  type BrokerState,
  type Context,
  fenceBroker,
  type PartitionLog,
  stepPeer,
  stepTimer,
} from '../../src/broker/index.ts'
import type { FollowerRole } from '../../src/broker/replication/follower.ts'
import type { LeaderState } from '../../src/broker/replication/leader.ts'
import type { PeerMessage, ReplicaData, ReplicaFetch } from '../../src/broker/replication/messages.ts'
import { type TestCluster, type TestClusterOptions, testCluster } from './controller-cluster.ts'
import { addTopic } from './controller-support.ts'

export function replicated(
  options: TestClusterOptions = {},
  config: Readonly<Record<string, string>> = {},
): TestCluster {
  const cluster = testCluster(options)
  addTopic(cluster.controller, [[1, 2, 3]], config)
  cluster.publish(cluster.controller.log.slice(-1))
  cluster.settle()
  return cluster
}

/** It dies, and the controller notices. */
export function fence(cluster: TestCluster, id: number): void {
  cluster.down.add(id)
  cluster.publish(fenceBroker(cluster.controller, id))
  cluster.settle()
}

export function start(cluster: TestCluster, id: number): void {
  cluster.start(id)
  cluster.settle()
}

export function brokerAt(cluster: TestCluster, id: number): BrokerState {
  return cluster.brokers.get(id) as BrokerState
}

export function logAt(cluster: TestCluster, id: number): PartitionLog {
  return brokerAt(cluster, id).logs.get('orders')?.[0] as PartitionLog
}

export function leaderAt(cluster: TestCluster, id: number): LeaderState {
  return brokerAt(cluster, id).leading.get('orders-0') as LeaderState
}

export function roleAt(cluster: TestCluster, id: number): FollowerRole {
  return brokerAt(cluster, id).following.get('orders-0') as FollowerRole
}

function contextAt({ now }: TestCluster): Context {
  return { now, uuid: () => '', memberUuid: () => '' }
}

/** What a broker decides when a message reaches it; nothing of it is carried out. */
export function tell(cluster: TestCluster, to: number, message: PeerMessage) {
  return stepPeer(brokerAt(cluster, to), message, contextAt(cluster))
}

/** What a leader proposes when it looks at its ISR; nothing of it is sent. */
export function checkIsr(cluster: TestCluster, id: number) {
  return stepTimer(brokerAt(cluster, id), { type: 'isr-check' }, contextAt(cluster))
}

/** Delivers until a message of a kind is under way, and takes it out. */
export function deliverUntil(cluster: TestCluster, type: TestCluster['queue'][number]['type']) {
  while (cluster.queue.every((message) => message.type !== type)) cluster.deliver()
  return cluster.queue.splice(
    cluster.queue.findIndex((message) => message.type === type),
    1,
  )
}

export function fetchOf(fetch: Partial<ReplicaFetch>): ReplicaFetch {
  return {
    type: 'replica-fetch',
    follower: 2,
    ask: 99,
    topic: 'orders',
    partition: 0,
    offset: 0,
    lastEpoch: -1,
    leaderEpoch: 0,
    highWatermark: 0,
    brokerEpoch: -1,
    logStartOffset: 0,
    ...fetch,
  }
}

/** The answer a follower waits for. */
export function answerTo(cluster: TestCluster, id: number, data: Partial<ReplicaData>): ReplicaData {
  const { leader, epoch, asked } = roleAt(cluster, id)
  return {
    type: 'replica-data',
    leader,
    ask: asked,
    topic: 'orders',
    partition: 0,
    leaderEpoch: epoch,
    diverging: null,
    fetchOffset: logAt(cluster, id).logEndOffset,
    batches: [],
    highWatermark: 0,
    logStartOffset: 0,
    ...data,
  }
}
