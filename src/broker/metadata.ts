/**
 * The cluster's metadata as records and as the image a broker has of them. The controller owns the log of these
 * records (KRaft's metadata topic); a broker knows only what it has applied, so its view can be late.
 */
import type { GivenBrokerConfig, TopicConfig } from './config.ts'

export type MetadataRecord =
  /** RegisterBrokerRecord and BrokerRegistrationChangeRecord in one: what holds for the broker from here on. */
  | ({ readonly type: 'broker' } & BrokerInfo)
  | { readonly type: 'topic'; readonly name: string; readonly id: string; readonly config: TopicConfig }
  /** PartitionRecord and PartitionChangeRecord in one: what holds for the partition from here on. */
  | PartitionRecord
  /** One configuration of one resource changed (ConfigRecord); null = it is no longer set. */
  | {
      readonly type: 'config'
      readonly resource: 'topic' | 'broker'
      /** The topic, the broker's id, or '' for all brokers. */
      readonly name: string
      readonly key: string
      readonly value: string | null
    }
  | { readonly type: 'remove-topic'; readonly topicId: string; readonly name: string }
  /** A level of a feature holds from here on; 0 = none (FeatureLevelRecord). */
  | { readonly type: 'feature'; readonly name: string; readonly level: number }
  /** Producer ids below `nextProducerId` are given away, the last block of them to this broker (ProducerIdsRecord, KIP-730). */
  | {
      readonly type: 'producer-ids'
      readonly brokerId: number
      readonly brokerEpoch: number
      readonly nextProducerId: number
    }

export interface BrokerInfo {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
  /** The offset in the metadata log at which it registered: another one is another incarnation of the broker. */
  readonly epoch: number
  /** Out of service: it leads nothing and is in no ISR. */
  readonly fenced: boolean
  /** About to stop: still serving, but it joins no ISR and gets no leadership any more (KIP-841). */
  readonly inControlledShutdown: boolean
}

/** Whether a leader outside the ISR was elected and has yet to say that it has recovered (KIP-704). */
export type LeaderRecoveryState = 'recovered' | 'recovering'

export interface PartitionInfo {
  readonly partition: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  /** Left the ISR below min.insync.replicas and may lead all the same: they hold all that is committed (KIP-966). */
  readonly elr: readonly number[]
  /** The last leader, once ISR and ELR are empty: it may lead when nobody else can (balanced recovery of KIP-966). */
  readonly lastKnownElr: readonly number[]
  /** -1 = no leader. */
  readonly leader: number
  readonly leaderRecoveryState: LeaderRecoveryState
  readonly leaderEpoch: number
  readonly partitionEpoch: number
  /** Of a reassignment under way: replicas that are to stay, and those that are to go (KIP-455). */
  readonly addingReplicas: readonly number[]
  readonly removingReplicas: readonly number[]
}

export type PartitionRecord = { readonly type: 'partition'; readonly topicId: string } & PartitionInfo

export interface TopicInfo {
  readonly name: string
  readonly id: string
  readonly config: TopicConfig
  readonly partitions: PartitionInfo[]
}

export interface MetadataImage {
  /** How many records of the metadata log were applied. */
  offset: number
  readonly brokers: Map<number, BrokerInfo>
  readonly topics: Map<string, TopicInfo>
  readonly topicNames: Map<string, string>
  /** What was set at run time, by broker id; '' = for all brokers. */
  readonly brokerConfigs: Map<string, GivenBrokerConfig>
  /** Levels of features that were changed; the others are what the release begins with. */
  readonly featureLevels: Map<string, number>
  /** Where the next block of producer ids begins. */
  nextProducerId: number
}

/** A topic id that means "none" (Uuid.ZERO_UUID). */
export const NO_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
export const OFFSETS_TOPIC = '__consumer_offsets'
export const TRANSACTION_TOPIC = '__transaction_state'

export function createImage(): MetadataImage {
  return {
    offset: 0,
    brokers: new Map(),
    topics: new Map(),
    topicNames: new Map(),
    brokerConfigs: new Map(),
    featureLevels: new Map(),
    nextProducerId: 0,
  }
}

export function clearImage(image: MetadataImage): void {
  image.offset = 0
  image.brokers.clear()
  image.topics.clear()
  image.topicNames.clear()
  image.brokerConfigs.clear()
  image.featureLevels.clear()
  image.nextProducerId = 0
}

export function applyMetadata(image: MetadataImage, record: MetadataRecord): void {
  image.offset += 1
  switch (record.type) {
    case 'broker':
      image.brokers.set(record.id, withoutType(record))
      return
    case 'topic':
      image.topics.set(record.name, { name: record.name, id: record.id, config: record.config, partitions: [] })
      image.topicNames.set(record.id, record.name)
      return
    case 'partition': {
      const topic = topicById(image, record.topicId)
      if (topic === undefined) return
      const { type: _, topicId: __, ...info } = record
      topic.partitions[info.partition] = info
      return
    }
    case 'config':
      applyConfig(image, record)
      return
    case 'remove-topic': {
      const name = image.topicNames.get(record.topicId)
      if (name === undefined) return
      image.topics.delete(name)
      image.topicNames.delete(record.topicId)
      return
    }
    case 'feature':
      image.featureLevels.set(record.name, record.level)
      return
    case 'producer-ids':
      image.nextProducerId = record.nextProducerId
  }
}

function withoutType({ type: _, ...info }: Extract<MetadataRecord, { type: 'broker' }>): BrokerInfo {
  return info
}

function applyConfig(
  image: MetadataImage,
  { resource, name, key, value }: Extract<MetadataRecord, { type: 'config' }>,
): void {
  if (resource === 'broker') {
    const config = withEntry(image.brokerConfigs.get(name) ?? {}, key, value)
    if (Object.keys(config).length === 0) image.brokerConfigs.delete(name)
    else image.brokerConfigs.set(name, config)
    return
  }
  const topic = image.topics.get(name)
  if (topic !== undefined) image.topics.set(name, { ...topic, config: withEntry(topic.config, key, value) })
}

function withEntry<T extends object>(config: T, key: string, value: string | null): T {
  const { [key as keyof T]: _, ...rest } = config
  return (value === null ? rest : { ...rest, [key]: value }) as T
}

export function topicById(image: MetadataImage, id: string): TopicInfo | undefined {
  const name = image.topicNames.get(id)
  return name === undefined ? undefined : image.topics.get(name)
}

/** Whether a broker may lead and be in sync (ClusterControlManager.isActive). */
export function isActive(image: MetadataImage, id: number): boolean {
  const broker = image.brokers.get(id)
  return broker !== undefined && !broker.fenced && !broker.inControlledShutdown
}

/** -1 = not registered, as far as is known here. */
export function brokerEpochOf(image: MetadataImage, id: number): number {
  return image.brokers.get(id)?.epoch ?? -1
}

export function isInternal(topic: string): boolean {
  return topic === OFFSETS_TOPIC || topic === TRANSACTION_TOPIC
}

/** Why a topic name is invalid, or null (Topic.java, containsInvalidPattern and validate). */
export function topicNameProblem(name: string): string | null {
  if (name.length === 0) return 'the empty string is not allowed'
  if (name === '.' || name === '..') return `'${name}' is not allowed`
  if (name.length > 249) return `the length of '${name.slice(0, 20)}…' is longer than the max allowed length 249`
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    return `'${name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'`
  }
  return null
}
