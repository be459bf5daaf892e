/** What a log needs to know of the configuration, as numbers (LogConfig.java): read once, not at every append. */

import { COMPRESSIONS } from '../../protocol/records.ts'
import { TOPIC_CONFIG, type TopicConfigName } from '../config/topic-definitions.ts'
import { type BrokerConfig, type TopicConfig, topicConfigValue } from '../config.ts'

/** Sizes in bytes, times in milliseconds; Java's Long.MAX_VALUE ("never") is the nearest double. */
export interface LogConfig {
  readonly compact: boolean
  readonly delete: boolean
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly flushMessages: number
  readonly maxMessageBytes: number
  readonly minInsyncReplicas: number
  /** The records are stamped by the broker's clock. */
  readonly logAppendTime: boolean
  /** How far a timestamp may lie behind the broker's clock, and how far ahead; null = it is not looked at. */
  readonly timestampBeforeMaxMs: number | null
  readonly timestampAfterMaxMs: number | null
  /** The codec records are stored with, by its number; null = as they came. */
  readonly compression: number | null
  readonly flushMs: number
  /** How often the broker looks for logs that `flushMs` applies to. */
  readonly flushCheckMs: number
  /** -1 = for ever. */
  readonly retentionMs: number
  /** -1 = without a limit. */
  readonly retentionBytes: number
  readonly retentionCheckMs: number
  /** Null = compaction does not run on this broker. */
  readonly cleaner: CleanerConfig | null
  readonly highWatermarkCheckpointMs: number
  readonly logStartCheckpointMs: number
  /** How long a producer is known that does not write, and how often the broker looks for such. */
  readonly producerExpiryMs: number
  readonly producerExpiryCheckMs: number
}

export interface CleanerConfig {
  readonly backoffMs: number
  readonly minDirtyRatio: number
  readonly minLagMs: number
  readonly maxLagMs: number
  readonly deleteRetentionMs: number
}

export function logConfig(topic: TopicConfig, broker: BrokerConfig): LogConfig {
  const number = (name: TopicConfigName) => Number(topicConfigValue(topic, broker, name))
  const policy = topicConfigValue(topic, broker, 'cleanup.policy').split(',')
  const compact = policy.includes('compact')
  const maxLagMs = number('max.compaction.lag.ms')
  return {
    compact,
    delete: policy.includes('delete'),
    segmentBytes: number('segment.bytes'),
    // What must be compacted by then must be in a closed segment by then (LogConfig.maxSegmentMs).
    segmentMs: compact && maxLagMs > 0 ? Math.min(maxLagMs, number('segment.ms')) : number('segment.ms'),
    flushMessages: number('flush.messages'),
    maxMessageBytes: number('max.message.bytes'),
    minInsyncReplicas: number('min.insync.replicas'),
    logAppendTime: topicConfigValue(topic, broker, 'message.timestamp.type') === 'LogAppendTime',
    timestampBeforeMaxMs: timestampLimit(topic, broker, 'message.timestamp.before.max.ms'),
    timestampAfterMaxMs: timestampLimit(topic, broker, 'message.timestamp.after.max.ms'),
    compression: compressionWanted(topicConfigValue(topic, broker, 'compression.type')),
    flushMs: number('flush.ms'),
    flushCheckMs: Number(broker['log.flush.scheduler.interval.ms']),
    retentionMs: number('retention.ms'),
    retentionBytes: number('retention.bytes'),
    retentionCheckMs: Number(broker['log.retention.check.interval.ms']),
    cleaner:
      broker['log.cleaner.enable'] === 'false'
        ? null
        : {
            backoffMs: Number(broker['log.cleaner.backoff.ms']),
            minDirtyRatio: number('min.cleanable.dirty.ratio'),
            minLagMs: number('min.compaction.lag.ms'),
            maxLagMs,
            deleteRetentionMs: number('delete.retention.ms'),
          },
    highWatermarkCheckpointMs: Number(broker['replica.high.watermark.checkpoint.interval.ms']),
    logStartCheckpointMs: Number(broker['log.flush.start.offset.checkpoint.interval.ms']),
    producerExpiryMs: Number(broker['producer.id.expiration.ms']),
    producerExpiryCheckMs: Number(broker['producer.id.expiration.check.interval.ms']),
  }
}

/** Only a limit that somebody set counts: the virtual date is not that of a program which sends its own. */
function timestampLimit(topic: TopicConfig, broker: BrokerConfig, name: TopicConfigName): number | null {
  const value = topicConfigValue(topic, broker, name)
  return topic[name] === undefined && value === TOPIC_CONFIG[name].default ? null : Number(value)
}

/** The number of a topic's `compression.type`; null = as the producer had it. */
function compressionWanted(type: string): number | null {
  if (type === 'producer') return null
  return type === 'uncompressed' ? 0 : COMPRESSIONS.indexOf(type as (typeof COMPRESSIONS)[number])
}
