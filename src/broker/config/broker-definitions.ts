/**
 * Broker configuration by Kafka's own names with the defaults of Apache Kafka 4.x (AbstractKafkaConfig.java and what it
 * merges, KIP-1030 for the defaults that moved with 4.0). Where this version of kafkarium has to differ, the line says so.
 */
import {
  bool,
  type Definition,
  double,
  dynamic,
  effect,
  INT_MAX,
  int,
  LONG_MAX,
  list,
  long,
  short,
  text,
  unset,
} from './definition.ts'

export const CLEANUP_POLICIES = ['compact', 'delete'] as const
export const TIMESTAMP_TYPES = ['CreateTime', 'LogAppendTime'] as const
export const COMPRESSION_TYPES = ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'] as const

const READ_SELECTORS = [
  'org.apache.kafka.common.replica.LeaderSelector',
  'org.apache.kafka.common.replica.RackAwareReplicaSelector',
] as const

const perBroker = { update: 'per-broker' } as const

export const BROKER_CONFIG = {
  // Topics
  'auto.create.topics.enable': bool(true, 'Create a topic when a client asks for its metadata.', effect),
  'delete.topic.enable': bool(true, 'Whether clients may delete topics.'),
  'num.partitions': int(1, { min: 1, ...effect }, 'Partitions of a topic created without a count.'),
  'default.replication.factor': int(1, { min: 1, ...effect }, 'Replication factor of a topic created without one.'),
  'min.insync.replicas': int(
    1,
    { min: 1, ...dynamic, ...effect },
    'How many in-sync replicas a write with acks=all needs, where the topic does not say.',
  ),

  // Sizes
  'message.max.bytes': int(
    1_048_588,
    { min: 0, ...dynamic, ...effect },
    'The largest record batch a broker accepts, header included.',
  ),
  'fetch.max.bytes': int(57_671_680, { min: 1024, ...effect }, 'The most bytes of one fetch answer.'),
  'socket.request.max.bytes': int(104_857_600, { min: 1, ...effect }, 'The most bytes of one request.'),
  'max.request.partition.size.limit': int(
    2000,
    { min: 1, ...effect },
    'The most partitions one request may ask about.',
  ),
  'max.incremental.fetch.session.cache.slots': int(
    1000,
    { min: 0, ...effect },
    'How many fetch sessions a broker keeps.',
  ),
  'compression.type': text(
    'producer',
    { of: COMPRESSION_TYPES, ...dynamic, ...effect },
    'The codec records are stored with; producer = as they came.',
  ),
  'compression.gzip.level': int(-1, { min: 1, max: 9, also: -1, ...dynamic }, 'Level, where the codec is gzip.'),
  'compression.lz4.level': int(9, { min: 1, max: 17, ...dynamic }, 'Level, where the codec is lz4.'),
  'compression.zstd.level': int(3, { min: -131_072, max: 22, ...dynamic }, 'Level, where the codec is zstd.'),

  // Logs: retention, segments, flush
  'log.cleanup.policy': list(
    'delete',
    { of: CLEANUP_POLICIES, ...dynamic, ...effect },
    'What happens to old records; a compacted topic refuses records without a key.',
  ),
  'log.retention.ms': unset(
    'long',
    { ...dynamic, ...effect },
    'How long records are kept; -1 for ever. Unset: log.retention.minutes.',
  ),
  'log.retention.minutes': unset('int', effect, 'The same in minutes. Unset: log.retention.hours.'),
  'log.retention.hours': int(168, effect, 'The same in hours.'),
  'log.retention.bytes': long(-1, { ...dynamic, ...effect }, 'How large a partition may grow; -1 without a limit.'),
  'log.retention.check.interval.ms': long(300_000, { min: 1, ...effect }, 'How often old segments are looked for.'),
  'log.segment.bytes': int(1_073_741_824, { min: 1_048_576, ...dynamic, ...effect }, 'A segment this large is closed.'),
  'log.roll.ms': unset('long', { ...dynamic, ...effect }, 'A segment this old is closed. Unset: log.roll.hours.'),
  'log.roll.hours': int(168, { min: 1, ...effect }, 'The same in hours.'),
  'log.roll.jitter.ms': unset('long', dynamic, 'Takes a random part of this off log.roll.ms. Unset: the hours.'),
  'log.roll.jitter.hours': int(0, { min: 0 }, 'The same in hours.'),
  'log.segment.delete.delay.ms': long(60_000, { min: 0, ...dynamic }, 'How long a deleted segment stays on disk.'),
  'log.index.size.max.bytes': int(10_485_760, { min: 4, ...dynamic }, 'The largest index of a segment.'),
  'log.index.interval.bytes': int(4096, { min: 0, ...dynamic }, 'An index entry every so many bytes.'),
  'log.preallocate': bool(false, 'Reserve a segment file at its full size.', dynamic),
  'log.flush.interval.messages': long(LONG_MAX, { min: 1, ...dynamic, ...effect }, 'Flush after so many records.'),
  'log.flush.interval.ms': unset(
    'long',
    { ...dynamic, ...effect },
    'Flush after this long. Unset: log.flush.scheduler.interval.ms.',
  ),
  'log.flush.scheduler.interval.ms': long(LONG_MAX, effect, 'How often a flush is considered.'),
  'log.flush.offset.checkpoint.interval.ms': int(60_000, { min: 0 }, 'How often the recovery point is saved.'),
  'log.flush.start.offset.checkpoint.interval.ms': int(
    60_000,
    { min: 0, ...effect },
    'How often log start offsets are saved.',
  ),
  'log.message.timestamp.type': text(
    'CreateTime',
    { of: TIMESTAMP_TYPES, ...dynamic, ...effect },
    'Whose clock stamps records.',
  ),
  'log.message.timestamp.before.max.ms': long(
    LONG_MAX,
    { min: 0, ...dynamic, ...effect },
    'How far a timestamp may lie behind the broker’s clock.',
  ),
  'log.message.timestamp.after.max.ms': long(
    3_600_000,
    { min: 0, ...dynamic, ...effect },
    'How far a timestamp may lie ahead of the broker’s clock.',
  ),
  'log.local.retention.ms': long(-2, { min: -2, ...dynamic }, 'Tiered storage: how long records stay on the broker.'),
  'log.local.retention.bytes': long(-2, { min: -2, ...dynamic }, 'Tiered storage: how much stays on the broker.'),

  // Compaction
  'log.cleaner.enable': bool(true, 'Whether compaction runs.', effect),
  'log.cleaner.backoff.ms': long(15_000, { min: 0, ...dynamic, ...effect }, 'How long an idle cleaner sleeps.'),
  'log.cleaner.min.cleanable.ratio': double(
    0.5,
    { min: 0, max: 1, ...dynamic, ...effect },
    'Compact once this part of a log is not compacted yet.',
  ),
  'log.cleaner.min.compaction.lag.ms': long(
    0,
    { min: 0, ...dynamic, ...effect },
    'A record this young is not compacted.',
  ),
  'log.cleaner.max.compaction.lag.ms': long(
    LONG_MAX,
    { min: 1, ...dynamic, ...effect },
    'A record this old has to be compacted.',
  ),
  'log.cleaner.delete.retention.ms': long(
    86_400_000,
    { min: 0, ...dynamic, ...effect },
    'How long tombstones are kept.',
  ),

  // Replication
  'replica.lag.time.max.ms': long(30_000, effect, 'A follower that did not catch up for this long leaves the ISR.'),
  'replica.fetch.max.bytes': int(1_048_576, { min: 0 }, 'The most bytes a follower fetches of one partition.'),
  'replica.fetch.response.max.bytes': int(10_485_760, { min: 0 }, 'The most bytes a follower fetches at once.'),
  'replica.fetch.min.bytes': int(1, {}, 'A follower’s fetch waits for this many bytes.'),
  'replica.fetch.wait.max.ms': int(500, {}, 'How long a follower’s fetch waits for them.'),
  'replica.fetch.backoff.ms': int(1000, { min: 0 }, 'How long a follower pauses after an error.'),
  'replica.socket.timeout.ms': int(30_000, effect, 'How long a follower waits for an answer.'),
  'replica.high.watermark.checkpoint.interval.ms': long(5000, effect, 'How often high watermarks are saved.'),
  'replica.selector.class': unset(
    'class',
    { of: READ_SELECTORS, ...effect },
    'Chooses the replica a consumer reads from (KIP-392). Unset: the leader.',
  ),
  'broker.rack': unset('string', effect, 'The brokers’ rack, where the option `racks` does not say.'),
  'unclean.leader.election.enable': bool(false, 'Whether a replica outside the ISR may lead.', {
    ...dynamic,
    ...effect,
  }),
  'auto.leader.rebalance.enable': bool(true, 'Give leadership back to the preferred replicas.', effect),
  'leader.imbalance.check.interval.seconds': long(300, { min: 1, ...effect }, 'How often that is looked at.'),
  'leader.imbalance.per.broker.percentage': int(10, {}, 'How much imbalance a broker may have.'),

  // The brokers' life
  'broker.heartbeat.interval.ms': int(2000, {}, 'How often a broker reports to the controller.'),
  'broker.session.timeout.ms': int(
    9000,
    { min: 1, ...effect },
    'After this the controller fences a broker it does not hear from.',
  ),
  'initial.broker.registration.timeout.ms': int(60_000, {}, 'How long a starting broker tries to register.'),
  'controlled.shutdown.enable': bool(true, 'Hand leadership over before a planned stop.', effect),
  'request.timeout.ms': int(30_000, effect, 'How long a broker waits until the end of a transaction is replicated.'),

  // Connections
  'max.connections': int(INT_MAX, { min: 0, ...dynamic }, 'The most connections a broker accepts.'),
  'max.connections.per.ip': int(INT_MAX, { min: 0, ...dynamic }, 'The same for one address.'),
  'max.connections.per.ip.overrides': text('', dynamic, 'Addresses with a limit of their own, as host:count.'),
  'max.connection.creation.rate': int(INT_MAX, { min: 0, ...dynamic }, 'The most new connections a second.'),
  'connections.max.idle.ms': long(600_000, {}, 'A connection idle for this long is closed.'),
  'connections.max.reauth.ms': long(0, {}, 'How long a login holds; 0 for ever.'),
  'failed.authentication.delay.ms': int(100, { min: 0 }, 'How long a failed login is kept waiting.'),
  'queued.max.requests': int(500, { min: 1 }, 'How many requests may wait before a broker stops reading.'),
  'sasl.enabled.mechanisms': list('GSSAPI', perBroker, 'The SASL mechanisms a broker offers.'),
  'sasl.mechanism.inter.broker.protocol': text('GSSAPI', perBroker, 'The mechanism between brokers.'),

  // Groups
  'group.initial.rebalance.delay.ms': int(3000, { min: 0, ...effect }, 'How long a new group waits for more members.'),
  'group.min.session.timeout.ms': int(
    6000,
    { min: 0, ...effect },
    'The shortest session timeout a member may ask for.',
  ),
  'group.max.session.timeout.ms': int(
    1_800_000,
    { min: 0, ...effect },
    'The longest session timeout a member may ask for.',
  ),
  'group.max.size': int(INT_MAX, { min: 1, ...effect }, 'The most members of a group.'),
  'group.coordinator.rebalance.protocols': list(
    'classic,consumer,streams',
    { of: ['classic', 'consumer', 'share', 'streams'], ...effect },
    'The group protocols a broker offers; kafkarium has classic and consumer.',
  ),
  'group.coordinator.append.linger.ms': int(5, { min: 0 }, 'How long a coordinator gathers records into one write.'),
  'group.consumer.session.timeout.ms': int(45_000, { min: 1, ...effect }, 'KIP-848 groups: the session timeout.'),
  'group.consumer.min.session.timeout.ms': int(45_000, { min: 1 }, 'KIP-848 groups: the shortest a group may set.'),
  'group.consumer.max.session.timeout.ms': int(60_000, { min: 1 }, 'KIP-848 groups: the longest a group may set.'),
  'group.consumer.heartbeat.interval.ms': int(5000, { min: 1, ...effect }, 'KIP-848 groups: how often members report.'),
  'group.consumer.min.heartbeat.interval.ms': int(5000, { min: 1 }, 'KIP-848 groups: the shortest a group may set.'),
  'group.consumer.max.heartbeat.interval.ms': int(15_000, { min: 1 }, 'KIP-848 groups: the longest a group may set.'),
  'group.consumer.max.size': int(INT_MAX, { min: 1, ...effect }, 'KIP-848 groups: the most members.'),
  'group.consumer.assignors': list('uniform,range', effect, 'KIP-848 groups: the assignors, the default first.'),
  'group.consumer.migration.policy': text(
    'bidirectional',
    { of: ['bidirectional', 'upgrade', 'downgrade', 'disabled'], ...effect },
    'Which group protocol may turn into which.',
  ),

  // Offsets
  'offset.metadata.max.bytes': int(4096, { min: 0, ...effect }, 'The longest metadata string of a commit.'),
  'offsets.commit.timeout.ms': int(5000, { min: 1, ...effect }, 'How long a commit waits for its replicas.'),
  'offsets.retention.minutes': int(10_080, { min: 1, ...effect }, 'How long a commit outlives its group.'),
  'offsets.retention.check.interval.ms': long(
    600_000,
    { min: 1, ...effect },
    'How often stale commits are looked for.',
  ),
  'offsets.load.buffer.size': int(5_242_880, { min: 1 }, 'Bytes read at once when a coordinator loads.'),
  'offsets.topic.num.partitions': int(50, { min: 1, ...effect }, 'Partitions of __consumer_offsets.'),
  'offsets.topic.replication.factor': short(
    3,
    { min: 1, ...effect },
    'Replicas of __consumer_offsets; never more than there are brokers.',
  ),
  'offsets.topic.segment.bytes': int(
    104_857_600,
    { min: 1, ...effect },
    'Segment size of __consumer_offsets, when it is made.',
  ),
  'offsets.topic.compression.codec': int(0, {}, 'Codec of __consumer_offsets by number.'),

  // Transactions
  'transactional.id.expiration.ms': int(
    604_800_000,
    { min: 1, ...effect },
    'How long an unused transactional id is known.',
  ),
  'transaction.max.timeout.ms': int(
    900_000,
    { min: 1, ...effect },
    'The longest transaction timeout a producer may ask for.',
  ),
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': int(
    10_000,
    { min: 1, ...effect },
    'How often transactions that took too long are looked for.',
  ),
  'transaction.remove.expired.transaction.cleanup.interval.ms': int(
    3_600_000,
    { min: 1, ...effect },
    'How often expired transactional ids are looked for.',
  ),
  'add.partitions.to.txn.retry.backoff.ms': int(
    20,
    { min: 1, ...effect },
    'How long a leader waits before it asks again to take a partition into a transaction while the one before ends.',
  ),
  'add.partitions.to.txn.retry.backoff.max.ms': int(
    100,
    { min: 0, ...effect },
    'After this long the producer is told that the transaction before has not ended.',
  ),
  'transaction.partition.verification.enable': bool(
    true,
    'Refuse transactional records for a partition the transaction does not know (KIP-890).',
    { ...dynamic, ...effect },
  ),
  'transaction.two.phase.commit.enable': bool(false, 'Whether producers may hold a transaction open (KIP-939).'),
  'transaction.state.log.num.partitions': int(50, { min: 1, ...effect }, 'Partitions of __transaction_state.'),
  'transaction.state.log.replication.factor': short(
    3,
    { min: 1, ...effect },
    'Replicas of __transaction_state; never more than there are brokers.',
  ),
  'transaction.state.log.min.isr': int(
    2,
    { min: 1, ...effect },
    'min.insync.replicas of __transaction_state; never more than it has replicas.',
  ),
  'transaction.state.log.segment.bytes': int(
    104_857_600,
    { min: 1, ...effect },
    'Segment size of __transaction_state.',
  ),
  'transaction.state.log.load.buffer.size': int(5_242_880, { min: 1 }, 'Bytes read at once when a coordinator loads.'),
  'producer.id.expiration.ms': int(
    86_400_000,
    { min: 1, ...dynamic, ...effect },
    'How long a partition remembers a producer that does not write.',
  ),
  'producer.id.expiration.check.interval.ms': int(
    600_000,
    { min: 1, ...effect },
    'How often producers to forget are looked for.',
  ),
} as const satisfies Record<string, Definition>

export type BrokerConfigName = keyof typeof BROKER_CONFIG

/**
 * Names for one and the same setting, the strongest first (DynamicBrokerConfig.brokerConfigSynonyms); every other name
 * stands alone.
 */
const SYNONYMS: readonly (readonly BrokerConfigName[])[] = [
  ['log.roll.ms', 'log.roll.hours'],
  ['log.roll.jitter.ms', 'log.roll.jitter.hours'],
  ['log.retention.ms', 'log.retention.minutes', 'log.retention.hours'],
]

export function brokerSynonyms(name: BrokerConfigName): readonly BrokerConfigName[] {
  if (name === 'log.flush.interval.ms') return [name, 'log.flush.scheduler.interval.ms']
  return SYNONYMS.find((names) => names.includes(name)) ?? [name]
}
