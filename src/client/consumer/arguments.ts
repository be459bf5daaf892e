/** Argument checks of `seek`, `commitOffsets`, `pause` and `resume`, with kafkajs's texts and order. */
import { EARLIEST_OFFSET, LATEST_OFFSET } from '../constants.ts'
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import { parseInt64 } from '../int64.ts'
import type { OffsetToCommit } from '../network/group-requests.ts'

interface Position {
  readonly topic?: unknown
  readonly partition?: unknown
  readonly offset?: unknown
}

function checkTopicAndPartition({ topic, partition }: Position): void {
  if (!topic) throw new KafkaJSNonRetriableError(`Invalid topic ${String(topic)}`)
  if (Number.isNaN(Number(partition))) {
    throw new KafkaJSNonRetriableError(`Invalid partition, expected a number received ${String(partition)}`)
  }
}

function checkedOffset(offset: unknown): number {
  const parsed = parseInt64(offset)
  if (parsed === undefined) {
    throw new KafkaJSNonRetriableError(`Invalid offset, expected a long received ${String(offset)}`)
  }
  return parsed
}

/** -1 (latest) and -2 (earliest) are allowed (KJ10). */
export function checkSeek(position: Position): number {
  checkTopicAndPartition(position)
  const offset = checkedOffset(position.offset)
  if (offset < 0 && offset !== EARLIEST_OFFSET && offset !== LATEST_OFFSET) {
    throw new KafkaJSNonRetriableError('Offset must not be a negative number')
  }
  return offset
}

export function checkCommit(position: Position & { readonly metadata?: unknown }): number {
  checkTopicAndPartition(position)
  const offset = checkedOffset(position.offset)
  if (offset < 0) throw new KafkaJSNonRetriableError('Offset must not be a negative number')
  const { metadata = null } = position
  if (metadata !== null && typeof metadata !== 'string') {
    throw new KafkaJSNonRetriableError(`Invalid offset metadata, expected string or null, received ${String(metadata)}`)
  }
  return offset
}

export function checkTopicPartitions(verb: 'pause' | 'resume', topicPartitions: readonly unknown[]): void {
  for (const given of topicPartitions) {
    const { topic, partitions } = (given ?? {}) as { topic?: unknown; partitions?: unknown }
    if (!topic) throw new KafkaJSNonRetriableError(`Invalid topic ${String(topic || given)}`)
    const valid =
      partitions === undefined ||
      (Array.isArray(partitions) && partitions.every((partition) => !Number.isNaN(Number(partition))))
    if (!valid) {
      throw new KafkaJSNonRetriableError(
        `Array of valid partitions required to ${verb} specific partitions instead of ${String(partitions)}`,
      )
    }
  }
}

export function notRunning(): KafkaJSNonRetriableError {
  return new KafkaJSNonRetriableError('Consumer group was not initialized, consumer#run must be called first')
}

/** Offsets of the public API, grouped by topic, as OffsetCommit takes them. */
export function toOffsetsToCommit(
  topics: readonly {
    readonly topic: string
    readonly partitions: readonly {
      readonly partition: number
      readonly offset: string
      readonly metadata?: string | null
    }[]
  }[],
): OffsetToCommit[] {
  return topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition, offset, metadata = null }) => ({
      // Partition ids may be strings: `uncommittedOffsets` hands them out so, as kafkajs does.
      partition: Number(partition),
      offset: parseInt64(offset) ?? 0,
      ...(metadata === null ? {} : { metadata }),
    })),
  }))
}

/** Kafka's rule for names (JoinGroupRequest.validateGroupInstanceId, Topic.validate). */
export function checkInstanceId(id: unknown): void {
  if (typeof id === 'string' && id.length <= 249 && /^[a-zA-Z0-9._-]+$/.test(id) && id !== '.' && id !== '..') return
  throw new KafkaJSNonRetriableError(
    `Invalid groupInstanceId ${JSON.stringify(id)}: 1 to 249 letters, digits, ".", "_" or "-", and neither "." nor ".."`,
  )
}
