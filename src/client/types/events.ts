/** Instrumentation events. Their `id` is a number at run time; kafkajs's types call it a string. */
import type { adminEvents, consumerEvents, producerEvents } from '../events/names.ts'
import type { TopicOffsets } from './metadata.ts'

export interface InstrumentationEvent<T> {
  id: string
  type: string
  /** Virtual milliseconds since the epoch. */
  timestamp: number
  payload: T
}

export type RemoveInstrumentationEventListener<_EventName> = () => void

export type ProducerEvents = { -readonly [K in keyof typeof producerEvents]: (typeof producerEvents)[K] }
export type AdminEvents = { -readonly [K in keyof typeof adminEvents]: (typeof adminEvents)[K] }
export type ConsumerEvents = { -readonly [K in keyof typeof consumerEvents]: (typeof consumerEvents)[K] }

export type ConnectEvent = InstrumentationEvent<null>
export type DisconnectEvent = InstrumentationEvent<null>

export type RequestTimeoutEvent = InstrumentationEvent<{
  apiKey: number
  apiName: string
  apiVersion: number
  broker: string
  clientId: string
  correlationId: number
  createdAt: number
  pendingDuration: number
  sentAt: number
}>

export type RequestEvent = InstrumentationEvent<{
  apiKey: number
  apiName: string
  apiVersion: number
  broker: string
  clientId: string
  correlationId: number
  createdAt: number
  duration: number
  pendingDuration: number
  sentAt: number
  size: number
}>

export type RequestQueueSizeEvent = InstrumentationEvent<{ broker: string; clientId: string; queueSize: number }>

export interface IMemberAssignment {
  [key: string]: number[]
}

export type ConsumerHeartbeatEvent = InstrumentationEvent<{
  groupId: string
  memberId: string
  groupGenerationId: number
}>

export type ConsumerCommitOffsetsEvent = InstrumentationEvent<{
  groupId: string
  memberId: string
  groupGenerationId: number
  topics: TopicOffsets[]
}>

export type ConsumerGroupJoinEvent = InstrumentationEvent<{
  duration: number
  groupId: string
  isLeader: boolean
  leaderId: string
  groupProtocol: string
  memberId: string
  memberAssignment: IMemberAssignment
}>

/** `nodeId` is a string at run time, as in kafkajs. */
export type ConsumerFetchStartEvent = InstrumentationEvent<{ nodeId: number }>
/** `nodeId` is a string at run time, `numberOfBatches` always 0, as in kafkajs. */
export type ConsumerFetchEvent = InstrumentationEvent<{ numberOfBatches: number; duration: number; nodeId: number }>

interface BatchProcess {
  topic: string
  partition: number
  highWatermark: string
  offsetLag: string
  offsetLagLow: string
  batchSize: number
  firstOffset: string
  lastOffset: string
}

export type ConsumerStartBatchProcessEvent = InstrumentationEvent<BatchProcess>
export type ConsumerEndBatchProcessEvent = InstrumentationEvent<BatchProcess & { duration: number }>
export type ConsumerCrashEvent = InstrumentationEvent<{ error: Error; groupId: string; restart: boolean }>
export type ConsumerRebalancingEvent = InstrumentationEvent<{ groupId: string; memberId: string }>

export type ConsumerReceivedUnsubcribedTopicsEvent = InstrumentationEvent<{
  groupId: string
  generationId: number
  memberId: string
  assignedTopics: string[]
  topicsSubscribed: string[]
  topicsNotSubscribed: string[]
}>
