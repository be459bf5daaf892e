/**
 * A broker's state: plain data. Handlers only read it; `apply.ts` is the only place that changes it.
 */
import type { ProduceResponse } from '../protocol/messages.ts'
import type { BrokerConfig, GivenBrokerConfig } from './config.ts'
import type { ParkedDeletes } from './deletes.ts'
import type { FetchSession, SessionPlan } from './fetch-sessions.ts'
import type { FormerSelf } from './groups/classic/static-members.ts'
import type { Group, GroupOffsets } from './groups/group.ts'
import type { PendingOffsets } from './groups/pending-offsets.ts'
import { type LogConfig, logConfig, type PartitionLog } from './log/index.ts'
import type { MaintenanceTimes } from './maintenance.ts'
import { createImage, type MetadataImage } from './metadata.ts'
import { isSince, type Offer } from './offer.ts'
import { NO_PRODUCER_IDS, type ProducerIds } from './producer-ids.ts'
import type { FollowerRole } from './replication/follower.ts'
import type { LeaderState } from './replication/leader.ts'
import type { MarkerResult, ReplicaFetch } from './replication/messages.ts'
import type { RequestToken } from './request.ts'
import type { Switches } from './switches.ts'
import { type Coordination, createCoordination } from './transactions/shard.ts'
import type { ParkedQuestion } from './verification/park.ts'

/** A fetch that waits for bytes (DelayedFetch.scala). */
export interface ParkedFetch {
  readonly id: number
  readonly token: RequestToken
  readonly request: FetchPlan
}

export interface FetchPlan {
  readonly session: SessionPlan
  /** Whether who is turned away is told the leader (KIP-951). */
  readonly namesLeaders: boolean
  readonly minBytes: number
  readonly maxBytes: number
  /** read_committed: nothing of a transaction that may yet be aborted. */
  readonly committedOnly: boolean
  /** The reader's rack, '' = none; null = the reader is older than v11 and reads from leaders only (KIP-392). */
  readonly clientRack: string | null
  /** Whether the first batch comes whole even if it is larger than asked for (KIP-74, v3). */
  readonly wholeFirst: boolean
  /** The newest message format that the reader knows: magic 0 before v2, 1 before v4. */
  readonly magic: 0 | 1 | 2
  /** Whether it knows zstd (KIP-110, v10). */
  readonly knowsZstd: boolean
  readonly partitions: readonly FetchPartition[]
}

export interface FetchPartition {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly offset: number
  /** What the client believes; -1 = it does not say (KIP-320). */
  readonly leaderEpoch: number
  readonly maxBytes: number
}

/** An append with acks=all on its way to being parked: which of its partitions wait for which offset. */
export interface ProduceToPark {
  readonly after: AfterReplicas
  readonly waits: readonly ReplicaWait[]
  readonly deadline: number
}

export interface ReplicaWait {
  readonly topic: string
  readonly partition: number
  /** `topic-partition`. */
  readonly key: string
  /** The high watermark it waits for. */
  readonly offset: number
}

/** What is answered when it is over; where a wait ended in an error, that takes the place of what stands there. */
export type AfterReplicas =
  | { readonly type: 'produce'; readonly token: RequestToken; readonly response: ProduceResponse }
  | { readonly type: 'markers'; readonly asker: MarkersAsker; readonly results: readonly MarkerResult[] }

/** Who had markers written: a client, or the transaction coordinator on a broker, under a number of its own. */
export type MarkersAsker =
  | { readonly type: 'client'; readonly token: RequestToken }
  | { readonly type: 'coordinator'; readonly broker: number; readonly request: number }

/** DelayedProduce.scala. */
export interface ParkedProduce {
  /** Of the timer that ends the wait. */
  readonly timerKey: string
  readonly after: AfterReplicas
  /** All of its partitions that wait, and those that still do. */
  readonly waits: readonly ReplicaWait[]
  open: readonly ReplicaWait[]
  /** Errors found on the way, by `topic-partition`; null = none. */
  errors: Map<string, number> | null
}

/** One partition of `__consumer_offsets` that this broker coordinates. */
export interface CoordinatorShard {
  readonly partition: number
  readonly groups: Map<string, Group>
  readonly offsets: Map<string, GroupOffsets>
  readonly pendingOffsets: PendingOffsets
}

/** Laws look only at what an event touched. */
export interface Touched {
  /** `topic-partition`. */
  readonly partitions: Set<string>
  readonly groups: Set<string>
  /** Transactional ids. */
  readonly transactions: Set<string>
}

export interface BrokerState {
  readonly id: number
  /** What the broker works with now. */
  config: BrokerConfig
  /** What it was started with. */
  readonly staticConfig: BrokerConfig
  readonly switches: Switches
  /** Before 4.0 clusters posed as ZooKeeper-based: some answers differ. */
  readonly zooKeeper: boolean
  /** What it offers its clients. */
  readonly offer: Offer
  readonly image: MetadataImage
  /** By topic name, then partition. */
  readonly logs: Map<string, PartitionLog[]>
  /** What the logs of a topic go by; made when somebody asks, forgotten when the configuration changes. */
  readonly logConfigs: Map<string, LogConfig>
  readonly parkedFetches: Map<number, ParkedFetch>
  /** Parked fetches by `topic-partition`. */
  readonly fetchWatchers: Map<string, Set<number>>
  nextParkedId: number
  /** What clients read, by session id (KIP-227). */
  readonly fetchSessions: Map<number, FetchSession>
  /** Never used again, not even after a restart: a client may still hold an old one. */
  nextFetchSessionId: number
  /** Partitions this broker leads, by `topic-partition`. */
  readonly leading: Map<string, LeaderState>
  /** Partitions it follows. */
  readonly following: Map<string, FollowerRole>
  /** Fetches of followers that knew of a leadership before this broker did. */
  readonly earlyFetches: ReplicaFetch[]
  readonly parkedProduces: Map<number, ParkedProduce>
  /** Parked produces by `topic-partition`. */
  readonly produceWatchers: Map<string, Set<number>>
  /** Nothing can be written any more: the next write halts the broker. */
  diskFull: boolean
  readonly parkedDeletes: Map<number, ParkedDeletes>
  /** Markers this broker has asked for as a coordinator: whom, by the number of the request. */
  readonly markerRequests: Map<number, number>
  /** Requests that wait for what a transaction coordinator says of them, by a number of ours. */
  readonly questions: Map<number, ParkedQuestion>
  nextQuestion: number
  /** When old segments, compaction and silent producers are looked at next. */
  readonly maintenance: MaintenanceTimes
  /** What it has left to give to producers. */
  producerIds: ProducerIds
  /** What changed since the laws were last checked; null when nobody checks them. */
  readonly touched: Touched | null
  readonly shards: Map<number, CoordinatorShard>
  /** Partitions of `__consumer_offsets` this broker leads and has not read yet, and when each will have been. */
  readonly loading: Map<number, number>
  /** What it coordinates of transactions. */
  readonly transactions: Coordination
  /** When committed offsets that nobody needs are looked for next, Infinity while nothing can go. */
  groupExpiry: number
  /** What happens when a record of `__consumer_offsets` is committed, by partition, in offset order. */
  readonly commitWaiters: Map<number, CommitWaiter[]>
  /** How many parts of an answer are committed, by `connection/correlation id`; only while others are not. */
  readonly committedParts: Map<string, number>
}

/** Waits until the high watermark of its offsets-topic partition reaches `offset`. */
export interface CommitWaiter {
  readonly offset: number
  /** Who waits is told when this is over. */
  readonly deadline: number
  readonly after: AfterCommit
}

/** What a coordinator does once its records are committed: data, so that it survives a snapshot. */
export type AfterCommit =
  | { readonly type: 'reply'; readonly token: RequestToken; readonly body: unknown }
  /** One of several appends, on different partitions, that one answer waits for. */
  | { readonly type: 'part-of-reply'; readonly token: RequestToken; readonly body: unknown; readonly parts: number }
  | {
      readonly type: 'assignment-stored'
      readonly groupId: string
      readonly generation: number
      readonly assignments: ReadonlyMap<string, Uint8Array>
    }
  | {
      readonly type: 'static-member-stored'
      readonly groupId: string
      readonly generation: number
      readonly memberId: string
      readonly formerLeader: string | null
      readonly former: FormerSelf
    }
  | { readonly type: 'nothing' }

export function createBrokerState(
  id: number,
  config: BrokerConfig,
  switches: Switches,
  offer: Offer,
  checksLaws = true,
): BrokerState {
  return {
    id,
    config,
    staticConfig: config,
    switches,
    zooKeeper: !isSince(offer.release, '4.0'),
    offer,
    image: createImage(),
    logs: new Map(),
    logConfigs: new Map(),
    parkedFetches: new Map(),
    fetchWatchers: new Map(),
    nextParkedId: 1,
    fetchSessions: new Map(),
    nextFetchSessionId: 1,
    leading: new Map(),
    following: new Map(),
    earlyFetches: [],
    diskFull: false,
    touched: checksLaws ? { partitions: new Set(), groups: new Set(), transactions: new Set() } : null,
    parkedProduces: new Map(),
    parkedDeletes: new Map(),
    markerRequests: new Map(),
    questions: new Map(),
    nextQuestion: 1,
    maintenance: { retention: Infinity, cleaner: Infinity, producers: Infinity },
    producerIds: NO_PRODUCER_IDS,
    produceWatchers: new Map(),
    shards: new Map(),
    loading: new Map(),
    transactions: createCoordination(),
    groupExpiry: Infinity,
    commitWaiters: new Map(),
    committedParts: new Map(),
  }
}

/** What was set at run time for a broker, or for all of them (''). */
export function dynamicConfig(image: MetadataImage, name: string): GivenBrokerConfig {
  return image.brokerConfigs.get(name) ?? {}
}

/** What the logs of a topic go by. */
export function logConfigOf(state: BrokerState, topic: string): LogConfig {
  let config = state.logConfigs.get(topic)
  if (config === undefined) {
    config = logConfig(state.image.topics.get(topic)?.config ?? {}, state.config)
    state.logConfigs.set(topic, config)
  }
  return config
}

export function logOf(state: BrokerState, topic: string, partition: number): PartitionLog | undefined {
  return state.logs.get(topic)?.[partition]
}

/** The log of a `topic-partition`. */
export function logByKey(state: BrokerState, key: string): PartitionLog | undefined {
  const dash = key.lastIndexOf('-')
  return state.logs.get(key.slice(0, dash))?.[Number(key.slice(dash + 1))]
}

export function watchKey(topic: string, partition: number): string {
  return `${topic}-${partition}`
}
