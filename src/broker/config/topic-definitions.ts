/** Topic configuration by Kafka's own names with the defaults of Apache Kafka 4.x (LogConfig.java, TopicConfig.java). */
import { type BrokerConfigName, CLEANUP_POLICIES, COMPRESSION_TYPES, TIMESTAMP_TYPES } from './broker-definitions.ts'
import { bool, double, effect, int, LONG_MAX, list, long, type SetDefinition, text } from './definition.ts'

export interface BrokerSynonym {
  readonly name: BrokerConfigName
  /** Its unit in units of the topic's configuration. */
  readonly factor: number
}

export interface TopicDefinition extends SetDefinition {
  /** Where the value comes from when the topic has none of its own, the strongest first (ServerTopicConfigSynonyms.java). */
  readonly synonyms: readonly BrokerSynonym[]
}

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

const from = (definition: SetDefinition, ...synonyms: (BrokerConfigName | BrokerSynonym)[]): TopicDefinition => ({
  ...definition,
  synonyms: synonyms.map((synonym) => (typeof synonym === 'string' ? { name: synonym, factor: 1 } : synonym)),
})

const THROTTLED = /^(\*|none|\d+:\d+)$/

export const TOPIC_CONFIG = {
  'cleanup.policy': from(
    list(
      'delete',
      { of: CLEANUP_POLICIES, ...effect },
      'What happens to old records; a compacted topic refuses records without a key.',
    ),
    'log.cleanup.policy',
  ),
  'retention.ms': from(
    long(604_800_000, { min: -1, ...effect }, 'How long records are kept; -1 for ever.'),
    'log.retention.ms',
    { name: 'log.retention.minutes', factor: MINUTE_MS },
    { name: 'log.retention.hours', factor: HOUR_MS },
  ),
  'retention.bytes': from(
    long(-1, effect, 'How large a partition may grow; -1 without a limit.'),
    'log.retention.bytes',
  ),
  'segment.bytes': from(
    int(1_073_741_824, { min: 1_048_576, ...effect }, 'A segment this large is closed.'),
    'log.segment.bytes',
  ),
  'segment.ms': from(long(604_800_000, { min: 1, ...effect }, 'A segment this old is closed.'), 'log.roll.ms', {
    name: 'log.roll.hours',
    factor: HOUR_MS,
  }),
  'segment.jitter.ms': from(long(0, { min: 0 }, 'Takes a random part of this off segment.ms.'), 'log.roll.jitter.ms', {
    name: 'log.roll.jitter.hours',
    factor: HOUR_MS,
  }),
  'segment.index.bytes': from(
    int(10_485_760, { min: 4 }, 'The largest index of a segment.'),
    'log.index.size.max.bytes',
  ),
  'index.interval.bytes': from(
    int(4096, { min: 0 }, 'An index entry every so many bytes.'),
    'log.index.interval.bytes',
  ),
  'file.delete.delay.ms': from(
    long(60_000, { min: 0 }, 'How long a deleted segment stays on disk.'),
    'log.segment.delete.delay.ms',
  ),
  preallocate: from(bool(false, 'Reserve a segment file at its full size.'), 'log.preallocate'),
  'flush.messages': from(
    long(LONG_MAX, { min: 1, ...effect }, 'Flush after so many records.'),
    'log.flush.interval.messages',
  ),
  'flush.ms': from(
    long(LONG_MAX, { min: 0, ...effect }, 'Flush after this long.'),
    'log.flush.interval.ms',
    'log.flush.scheduler.interval.ms',
  ),
  'max.message.bytes': from(
    int(1_048_588, { min: 0, ...effect }, 'The largest record batch the topic accepts, header included.'),
    'message.max.bytes',
  ),
  'message.timestamp.type': from(
    text('CreateTime', { of: TIMESTAMP_TYPES, ...effect }, 'Whose clock stamps records.'),
    'log.message.timestamp.type',
  ),
  'message.timestamp.before.max.ms': from(
    long(LONG_MAX, { min: 0, ...effect }, 'How far a timestamp may lie behind the broker’s clock.'),
    'log.message.timestamp.before.max.ms',
  ),
  'message.timestamp.after.max.ms': from(
    long(3_600_000, { min: 0, ...effect }, 'How far a timestamp may lie ahead of the broker’s clock.'),
    'log.message.timestamp.after.max.ms',
  ),
  'min.insync.replicas': from(
    int(1, { min: 1, ...effect }, 'How many in-sync replicas a write with acks=all needs.'),
    'min.insync.replicas',
  ),
  'unclean.leader.election.enable': from(
    bool(false, 'Whether a replica outside the ISR may lead.', effect),
    'unclean.leader.election.enable',
  ),
  'compression.type': from(
    text(
      'producer',
      { of: COMPRESSION_TYPES, ...effect },
      'The codec records are stored with; producer = as they came.',
    ),
    'compression.type',
  ),
  'compression.gzip.level': from(
    int(-1, { min: 1, max: 9, also: -1 }, 'Level, where the codec is gzip.'),
    'compression.gzip.level',
  ),
  'compression.lz4.level': from(int(9, { min: 1, max: 17 }, 'Level, where the codec is lz4.'), 'compression.lz4.level'),
  'compression.zstd.level': from(
    int(3, { min: -131_072, max: 22 }, 'Level, where the codec is zstd.'),
    'compression.zstd.level',
  ),
  'min.cleanable.dirty.ratio': from(
    double(0.5, { min: 0, max: 1, ...effect }, 'Compact once this part of a log is not compacted yet.'),
    'log.cleaner.min.cleanable.ratio',
  ),
  'min.compaction.lag.ms': from(
    long(0, { min: 0, ...effect }, 'A record this young is not compacted.'),
    'log.cleaner.min.compaction.lag.ms',
  ),
  'max.compaction.lag.ms': from(
    long(LONG_MAX, { min: 1, ...effect }, 'A record this old has to be compacted.'),
    'log.cleaner.max.compaction.lag.ms',
  ),
  'delete.retention.ms': from(
    long(86_400_000, { min: 0, ...effect }, 'How long tombstones are kept.'),
    'log.cleaner.delete.retention.ms',
  ),
  'leader.replication.throttled.replicas': from(
    list('', { pattern: THROTTLED }, 'Replicas whose leaders send slowly, as partition:broker, or *.'),
  ),
  'follower.replication.throttled.replicas': from(
    list('', { pattern: THROTTLED }, 'Replicas that fetch slowly, as partition:broker, or *.'),
  ),
  'remote.storage.enable': from(bool(false, 'Tiered storage; kafkarium has none, so only false is possible.')),
  'remote.log.copy.disable': from(bool(false, 'Tiered storage: copy nothing more.')),
  'remote.log.delete.on.disable': from(bool(false, 'Tiered storage: delete what is remote when it is turned off.')),
  'local.retention.ms': from(
    long(-2, { min: -2 }, 'Tiered storage: how long records stay on the broker.'),
    'log.local.retention.ms',
  ),
  'local.retention.bytes': from(
    long(-2, { min: -2 }, 'Tiered storage: how much stays on the broker.'),
    'log.local.retention.bytes',
  ),
} as const satisfies Record<string, TopicDefinition>

export type TopicConfigName = keyof typeof TOPIC_CONFIG
