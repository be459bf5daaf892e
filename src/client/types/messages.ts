/** What is sent, what comes back, and what a consumer's handlers get. */
import type { CompressionTypes } from '../enums.ts'
import type { Bytes } from './bytes.ts'
import type { Offsets, OffsetsByTopicPartition, PartitionMetadata } from './metadata.ts'

export interface IHeaders {
  [key: string]: Bytes | string | (Bytes | string)[] | undefined
}

export interface Message {
  key?: Bytes | string | null
  value: Bytes | string | null
  /** Wins over the partitioner, and is not checked: a message for a partition that does not exist is lost (KJ17). */
  partition?: number
  headers?: IHeaders
  /** Milliseconds since the epoch as a string; default: now. */
  timestamp?: string
}

export interface PartitionerArgs {
  topic: string
  partitionMetadata: PartitionMetadata[]
  message: Message
}

export type ICustomPartitioner = () => (args: PartitionerArgs) => number
export type DefaultPartitioner = ICustomPartitioner
export type LegacyPartitioner = ICustomPartitioner

export interface ProducerRecord {
  topic: string
  messages: Message[]
  /** -1 all in-sync replicas (default), 1 the leader, 0 do not wait for an answer. */
  acks?: number
  /** How long the broker may wait for the replicas, milliseconds; default 30,000. */
  timeout?: number
  compression?: CompressionTypes
}

export interface TopicMessages {
  topic: string
  messages: Message[]
}

export interface ProducerBatch {
  acks?: number
  timeout?: number
  compression?: CompressionTypes
  topicMessages?: TopicMessages[]
}

/** One a partition, not one a message. */
export type RecordMetadata = {
  topicName: string
  partition: number
  errorCode: number
  offset?: string
  timestamp?: string
  baseOffset?: string
  /** `-1` unless the topic's timestamps are set at append. */
  logAppendTime?: string
  logStartOffset?: string
}

interface MessageSetEntry {
  key: Bytes | null
  value: Bytes | null
  timestamp: string
  attributes: number
  offset: string
  size: number
  headers?: never
}

interface RecordBatchEntry {
  key: Bytes | null
  value: Bytes | null
  /** Milliseconds since the epoch as a string. */
  timestamp: string
  attributes: number
  offset: string
  headers: IHeaders
  size?: never
}

export type KafkaMessage = MessageSetEntry | RecordBatchEntry

export type Batch = {
  topic: string
  partition: number
  highWatermark: string
  messages: KafkaMessage[]
  isEmpty(): boolean
  /** `null` for a batch without any record. */
  firstOffset(): string | null
  lastOffset(): string
  /** Records between the batch's end and the partition's. */
  offsetLag(): string
  /** Records between the batch's start and the partition's end. */
  offsetLagLow(): string
}

export interface EachMessagePayload {
  topic: string
  partition: number
  message: KafkaMessage
  /** Sends a heartbeat if `heartbeatInterval` has passed since the last (KJ5). */
  heartbeat(): Promise<void>
  /** Pauses this partition; the result resumes it. */
  pause(): () => void
}

export interface EachBatchPayload {
  batch: Batch
  resolveOffset(offset: string): void
  heartbeat(): Promise<void>
  pause(): () => void
  commitOffsetsIfNecessary(offsets?: Offsets): Promise<void>
  uncommittedOffsets(): OffsetsByTopicPartition
  isRunning(): boolean
  /** True once `seek` was called for the partition: the rest of the batch is out of date. */
  isStale(): boolean
}

export type ConsumerEachMessagePayload = EachMessagePayload
export type ConsumerEachBatchPayload = EachBatchPayload
export type EachMessageHandler = (payload: EachMessagePayload) => Promise<void>
export type EachBatchHandler = (payload: EachBatchPayload) => Promise<void>
