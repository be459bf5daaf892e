/**
 * kafkarium: a whole Kafka cluster inside one JavaScript process.
 *
 * ```ts
 * import { createCluster } from 'kafkarium'
 *
 * const cluster = createCluster({ brokers: 3, topics: { orders: 3 } })
 * const producer = cluster.kafka().producer()
 * await producer.connect()
 * await producer.send({ topic: 'orders', messages: [{ key: 'a', value: '1' }] })
 * cluster.topic('orders').records()[0]?.value // '1'
 * ```
 */
import type { ClusterOptions } from './cluster/options.ts'
import { clusterHost } from './cluster-host.ts'
import { type Cluster, composeFor } from './compose.ts'
import { nodeHost } from './host/node.ts'
import { register } from './registry.ts'

const compose = composeFor(clusterHost, nodeHost)

/**
 * Makes a simulated cluster, at once: brokers are up and topics exist when it returns.
 *
 * @throws KafkariumError `KAFKARIUM_BAD_OPTION` names the option, the value and what is allowed
 */
export function createCluster(options: ClusterOptions = {}): Cluster {
  const cluster = compose(options)
  register(cluster)
  return cluster
}

export { checkHistory } from './check/check.ts'
export type { Finding, FindingClass } from './check/finding.ts'
export type { CheckSetting } from './check/history.ts'
export type { Report } from './check/report.ts'
export type { GroupHandle, TimeControl, TopicHandle, TraceHandle } from './cluster/api.ts'
export type { Duration } from './cluster/duration.ts'
export { DeadlockError, KafkariumError, type KafkariumErrorCode, UncontrolledAsyncError } from './cluster/errors.ts'
export type { Fault } from './cluster/faults/fault.ts'
export type { Faults, StormHandle } from './cluster/faults/handle.ts'
export type { FaultKind, FaultProfile, ProfileLimits } from './cluster/faults/profile.ts'
export type { LinkEnd } from './cluster/links.ts'
export type { ClusterOptions, TopicOptions } from './cluster/options.ts'
export type { ProcessContext, ProcessHandle, ProcessMain } from './cluster/process-handle.ts'
export type { ProduceMessage, RecordPosition } from './cluster/produce.ts'
export type { ReadOptions } from './cluster/readable.ts'
export { runTwice } from './cluster/run-twice.ts'
export type { Store } from './cluster/store.ts'
export type {
  ClusterView,
  GenerationView,
  GroupOffsetView,
  GroupView,
  InFlightView,
  LogEntryView,
  MemberView,
  NodeView,
  OpenTransactionView,
  PartitionView,
  ProcessView,
  RecordView,
  TopicView,
  TraceListener,
  TransactionView,
} from './cluster/view.ts'
export type { Address, Addresses } from './cluster/wire/advertise.ts'
export type { WireClient, WireConnection } from './cluster/wire/connection.ts'
export type { ClusterServer, Listen, ListenOptions, ServerDoor, ServerOptions, Visitor } from './cluster/wire/server.ts'
export type { SocketFactoryArgs, WireSocket } from './cluster/wire/socket.ts'
export type { ClientConfig, Cluster } from './compose.ts'
export type {
  Choices,
  CommitOp,
  Fact,
  FactType,
  GroupStateName,
  HandledOp,
  HandledOutcome,
  History,
  MoveOp,
  PartitionEnd,
  ReadOp,
  SendOp,
  SendOutcome,
  StoredRecord,
  TraceEvent,
} from './kernel/index.ts'
