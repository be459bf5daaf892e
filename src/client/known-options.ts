/** A misspelt option does nothing in kafkajs, silently. Here it does nothing either, but a line says so. */
import { nearest } from '../protocol/unknown-options.ts'
import type {
  IResourceConfig,
  ITopicConfig,
  ITopicPartitionConfig,
  PartitionReassignment,
  ResourceConfigQuery,
} from './types/admin.ts'
import type {
  Admin,
  ConsumerRunConfig,
  ConsumerSubscribeTopic,
  ConsumerSubscribeTopics,
  TransactionOffsets,
} from './types/clients.ts'
import type { AdminConfig, ConsumerConfig, KafkaConfig, ProducerConfig, Quirks, RetryOptions } from './types/config.ts'
import type { Logger } from './types/logging.ts'
import type { ProducerBatch, ProducerRecord, TopicMessages } from './types/messages.ts'
import type { TopicPartitions } from './types/metadata.ts'

/** All options of a type: one that is missing here, or too much, does not compile. */
function all<T>(names: Readonly<Record<keyof T, true>>): ReadonlySet<string> {
  return new Set(Object.keys(names))
}

type Argument<Call extends keyof Admin> = Admin[Call] extends (options: infer O) => unknown ? NonNullable<O> : never

const send = all<ProducerRecord>({ topic: true, messages: true, acks: true, timeout: true, compression: true })
const sendBatch = all<ProducerBatch>({ acks: true, timeout: true, compression: true, topicMessages: true })
const topicMessages = all<TopicMessages>({ topic: true, messages: true })

/** By who takes them; `a.b.c` are the entries of the list `c` that the call `a.b` takes. */
const KNOWN = {
  Kafka: all<KafkaConfig>({
    brokers: true,
    ssl: true,
    sasl: true,
    clientId: true,
    connectionTimeout: true,
    authenticationTimeout: true,
    reauthenticationThreshold: true,
    requestTimeout: true,
    enforceRequestTimeout: true,
    retry: true,
    socketFactory: true,
    logLevel: true,
    logCreator: true,
    quirks: true,
  }),
  quirks: all<Quirks>({ kafkajsSequenceReuse: true }),
  retry: all<RetryOptions>({
    maxRetryTime: true,
    initialRetryTime: true,
    factor: true,
    multiplier: true,
    retries: true,
    restartOnFailure: true,
  }),
  producer: all<ProducerConfig>({
    createPartitioner: true,
    retry: true,
    metadataMaxAge: true,
    allowAutoTopicCreation: true,
    idempotent: true,
    transactionalId: true,
    transactionTimeout: true,
    transactionsV2: true,
    maxInFlightRequests: true,
  }),
  consumer: all<ConsumerConfig>({
    groupId: true,
    partitionAssigners: true,
    metadataMaxAge: true,
    sessionTimeout: true,
    rebalanceTimeout: true,
    heartbeatInterval: true,
    maxBytesPerPartition: true,
    minBytes: true,
    maxBytes: true,
    maxWaitTimeInMs: true,
    retry: true,
    allowAutoTopicCreation: true,
    maxInFlightRequests: true,
    readUncommitted: true,
    rackId: true,
    groupInstanceId: true,
    groupProtocol: true,
    groupRemoteAssignor: true,
    requireStable: true,
  }),
  admin: all<AdminConfig>({ retry: true }),
  'producer.send': send,
  'producer.sendBatch': sendBatch,
  'producer.sendBatch.topicMessages': topicMessages,
  'transaction.send': send,
  'transaction.sendBatch': sendBatch,
  'transaction.sendBatch.topicMessages': topicMessages,
  'transaction.sendOffsets': all<TransactionOffsets>({ consumerGroupId: true, topics: true, groupMetadata: true }),
  'consumer.subscribe': all<ConsumerSubscribeTopic & ConsumerSubscribeTopics>({
    topic: true,
    topics: true,
    fromBeginning: true,
  }),
  'consumer.run': all<ConsumerRunConfig>({
    autoCommit: true,
    autoCommitInterval: true,
    autoCommitThreshold: true,
    eachBatchAutoResolve: true,
    partitionsConsumedConcurrently: true,
    eachBatch: true,
    eachMessage: true,
  }),
  'admin.createTopics': all<Argument<'createTopics'>>({
    validateOnly: true,
    waitForLeaders: true,
    timeout: true,
    topics: true,
  }),
  'admin.createTopics.topics': all<ITopicConfig>({
    topic: true,
    numPartitions: true,
    replicationFactor: true,
    replicaAssignment: true,
    configEntries: true,
  }),
  'admin.deleteTopics': all<Argument<'deleteTopics'>>({ topics: true, timeout: true }),
  'admin.createPartitions': all<Argument<'createPartitions'>>({
    validateOnly: true,
    timeout: true,
    topicPartitions: true,
  }),
  'admin.createPartitions.topicPartitions': all<ITopicPartitionConfig>({
    topic: true,
    count: true,
    assignments: true,
  }),
  'admin.fetchTopicMetadata': all<Argument<'fetchTopicMetadata'>>({ topics: true }),
  'admin.fetchOffsets': all<Argument<'fetchOffsets'>>({ groupId: true, topics: true, resolveOffsets: true }),
  'admin.setOffsets': all<Argument<'setOffsets'>>({ groupId: true, topic: true, partitions: true }),
  'admin.resetOffsets': all<Argument<'resetOffsets'>>({ groupId: true, topic: true, earliest: true }),
  'admin.describeConfigs': all<Argument<'describeConfigs'>>({ resources: true, includeSynonyms: true }),
  'admin.describeConfigs.resources': all<ResourceConfigQuery>({ type: true, name: true, configNames: true }),
  'admin.alterConfigs': all<Argument<'alterConfigs'>>({ validateOnly: true, resources: true }),
  'admin.alterConfigs.resources': all<IResourceConfig>({ type: true, name: true, configEntries: true }),
  'admin.deleteTopicRecords': all<Argument<'deleteTopicRecords'>>({ topic: true, partitions: true }),
  'admin.alterPartitionReassignments': all<Argument<'alterPartitionReassignments'>>({ topics: true, timeout: true }),
  'admin.alterPartitionReassignments.topics': all<PartitionReassignment>({ topic: true, partitionAssignment: true }),
  'admin.listPartitionReassignments': all<Argument<'listPartitionReassignments'>>({ topics: true, timeout: true }),
  'admin.listPartitionReassignments.topics': all<TopicPartitions>({ topic: true, partitions: true }),
} as const

export type OptionOwner = keyof typeof KNOWN

const OWNERS = Object.keys(KNOWN) as OptionOwner[]

/** What other clients, or kafkajs elsewhere, call it. */
const INSTEAD: { readonly [Owner in OptionOwner]?: Readonly<Record<string, string>> } = {
  consumer: {
    isolationLevel: 'readUncommitted',
    autoOffsetReset: 'fromBeginning of consumer.subscribe()',
  },
  'admin.createTopics.topics': { partitions: 'numPartitions', replicas: 'replicationFactor', config: 'configEntries' },
  'admin.createPartitions': { topics: 'topicPartitions' },
  'admin.createPartitions.topicPartitions': { partitions: 'count', numPartitions: 'count' },
}

/** Says in one line what is not known: once for each name and owner. */
export type WatchOptions = (owner: OptionOwner, options: unknown) => void

export function createOptionWatch(logger: Logger): WatchOptions {
  const told = new Set<string>()

  function tell(owner: OptionOwner, name: string): void {
    const key = `${owner} ${name}`
    if (told.has(key)) return
    told.add(key)
    logger.warn(`Unknown option "${name}" of ${owner} is ignored; ${adviceOn(owner, name)}`)
  }

  return (owner, options) => {
    if (typeof options !== 'object' || options === null) return
    const known: ReadonlySet<string> = KNOWN[owner]
    // Every send comes here: no list of its names is made.
    for (const name in options) if (!known.has(name) && Object.hasOwn(options, name)) tell(owner, name)
  }
}

function adviceOn(owner: OptionOwner, name: string): string {
  const instead = INSTEAD[owner]
  if (instead !== undefined && Object.hasOwn(instead, name)) return `the option for that is ${instead[name]}`
  const known = [...KNOWN[owner]]
  const guess = nearest(name, known)
  if (guess !== null) return `did you mean "${guess}"?`
  const others = takersOf(owner, name)
  if (others.length > 0) return `it belongs to ${others.map(shown).join(', ')}`
  return `known: ${known.join(', ')}`
}

/** Who else takes an option of this name: those of the same client, or else one of those a client is made with. */
function takersOf(owner: OptionOwner, name: string): OptionOwner[] {
  const takers = OWNERS.filter((other) => other !== owner && KNOWN[other].has(name) && other.split('.').length < 3)
  const related = takers.filter((other) => familyOf(other) === familyOf(owner) && !other.startsWith('transaction.'))
  return related.length > 0 ? related : takers.filter((other) => !other.includes('.'))
}

function familyOf(owner: OptionOwner): string {
  const [first = ''] = owner.split('.')
  return first === 'transaction' ? 'producer' : first
}

function shown(owner: OptionOwner): string {
  return owner === 'Kafka' || owner === 'retry' || owner === 'quirks' ? owner : `${owner}()`
}
