/**
 * Fetch sessions (KIP-227, FetchSession.scala): the broker remembers what a client reads, so that a request names only what has changed,
 * and an answer only the partitions that have news. Lost with the broker's memory.
 */
import { ErrorCode } from '../protocol/errors.ts'
import type { FetchableTopicResponse, FetchRequest, FetchResponse, PartitionData } from '../protocol/messages.ts'
import { intConfig } from './config.ts'
import type { BrokerState, FetchPartition } from './state.ts'

export interface FetchSession {
  readonly id: number
  /** Made by a request of v13 or later: topics are known by id. */
  readonly usesTopicIds: boolean
  readonly createdAt: number
  readonly usedAt: number
  /** That the next request has. */
  readonly epoch: number
  /** In the order in which they are answered, by `topic-partition` or `topic id-partition`. */
  readonly partitions: ReadonlyMap<string, SessionPartition>
}

export interface SessionPartition extends FetchPartition {
  /** As the client was last told; -1 = it has to be told again. */
  readonly highWatermark: number
  readonly logStartOffset: number
}

/** How the answer goes with a session. */
export type SessionPlan =
  | { readonly type: 'none' }
  /** A new one is made of what is asked for, if there is room. */
  | { readonly type: 'full'; readonly usesTopicIds: boolean }
  | { readonly type: 'incremental'; readonly id: number; readonly epoch: number }

export type SessionChange =
  | { readonly op: 'fetch-session'; readonly session: FetchSession }
  | { readonly op: 'fetch-session-closed'; readonly id: number }

/** FetchMetadata: the epochs that begin a session, and that want none. */
const INITIAL_EPOCH = 0
const FINAL_EPOCH = -1
const MAX_EPOCH = 2_147_483_647
/** A session that was not used for so long makes room; one that has been there for so long may have to. */
const EVICTION_MS = 120_000

function nextEpoch(epoch: number): number {
  return epoch === MAX_EPOCH ? 1 : epoch + 1
}

export interface SessionedFetch {
  readonly plan: SessionPlan
  readonly partitions: readonly FetchPartition[]
  readonly changes: readonly SessionChange[]
}

/** What a request reads, its session taken into account; a number is the error of all of it (FetchManager.newContext). */
export function sessionOf(
  state: BrokerState,
  body: FetchRequest,
  named: readonly FetchPartition[],
  usesTopicIds: boolean,
  now: number,
): SessionedFetch | number {
  const { sessionId: id, sessionEpoch: epoch } = body
  const known = state.fetchSessions.get(id)
  if (epoch === INITIAL_EPOCH || epoch === FINAL_EPOCH) {
    const changes = known === undefined ? [] : [{ op: 'fetch-session-closed', id } as const]
    const plan = epoch === FINAL_EPOCH ? ({ type: 'none' } as const) : ({ type: 'full', usesTopicIds } as const)
    return { plan, partitions: named, changes }
  }
  if (known === undefined) return ErrorCode.FETCH_SESSION_ID_NOT_FOUND
  if (known.epoch !== epoch) return ErrorCode.INVALID_FETCH_SESSION_EPOCH
  if (known.usesTopicIds !== usesTopicIds) return ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR
  const partitions = updated(state, known, body, named)
  if (partitions.size === 0) {
    return { plan: { type: 'none' }, partitions: [], changes: [{ op: 'fetch-session-closed', id }] }
  }
  const session = { ...known, partitions, usedAt: now, epoch: nextEpoch(epoch) }
  return {
    plan: { type: 'incremental', id, epoch: session.epoch },
    partitions: [...partitions.values()],
    changes: [{ op: 'fetch-session', session }],
  }
}

function updated(
  { image }: BrokerState,
  { partitions: before, usesTopicIds }: FetchSession,
  { forgottenTopicsData }: FetchRequest,
  named: readonly FetchPartition[],
): Map<string, SessionPartition> {
  const partitions = new Map(before)
  for (const wanted of named) {
    const key = keyOf(wanted, usesTopicIds)
    const { highWatermark, logStartOffset } = partitions.get(key) ?? NOT_TOLD
    // A name that is known stays: the topic of that name may be another one by now.
    const topic = partitions.get(key)?.topic || wanted.topic
    partitions.set(key, { ...wanted, topic, highWatermark, logStartOffset })
  }
  for (const { topic, topicId, partitions: indexes } of forgottenTopicsData)
    for (const partition of indexes) partitions.delete(keyOf({ topic, topicId, partition }, usesTopicIds))
  for (const [key, partition] of partitions) {
    const name = partition.topic === '' ? image.topicNames.get(partition.topicId) : undefined
    if (name !== undefined) partitions.set(key, { ...partition, topic: name })
  }
  return partitions
}

const NOT_TOLD = { highWatermark: -1, logStartOffset: -1 } as const

function keyOf(
  { topic, topicId, partition }: Pick<FetchPartition, 'topic' | 'topicId' | 'partition'>,
  usesTopicIds: boolean,
): string {
  return `${usesTopicIds ? topicId : topic}-${partition}`
}

/** The answer as its session wants it, and what becomes of the session. */
export function answerInSession(
  state: BrokerState,
  plan: SessionPlan,
  partitions: readonly FetchPartition[],
  response: FetchResponse,
  now: number,
): { readonly response: FetchResponse; readonly changes: readonly SessionChange[] } {
  if (plan.type === 'none') return { response, changes: [] }
  return plan.type === 'full' ? begin(state, plan.usesTopicIds, partitions, response, now) : goOn(state, plan, response)
}

/** FullFetchContext.updateAndGenerateResponseData. */
function begin(
  state: BrokerState,
  usesTopicIds: boolean,
  partitions: readonly FetchPartition[],
  response: FetchResponse,
  now: number,
) {
  const told = new Map<string, PartitionData>()
  for (const { topic, topicId, partitions: answers } of response.responses)
    for (const answer of answers)
      told.set(keyOf({ topic, topicId, partition: answer.partitionIndex }, usesTopicIds), answer)
  const kept = new Map<string, SessionPartition>()
  for (const wanted of partitions) {
    const key = keyOf(wanted, usesTopicIds)
    const { highWatermark = -1, logStartOffset = -1 } = told.get(key) ?? {}
    kept.set(key, { ...wanted, highWatermark, logStartOffset })
  }
  const evicted = roomFor(state, kept.size, now)
  if (evicted === null) return { response, changes: [] }
  const id = state.nextFetchSessionId
  const epoch = nextEpoch(INITIAL_EPOCH)
  const session = { id, usesTopicIds, createdAt: now, usedAt: now, epoch, partitions: kept }
  return {
    response: { ...response, sessionId: id },
    changes: [
      ...evicted.map((id) => ({ op: 'fetch-session-closed', id }) as const),
      { op: 'fetch-session', session } as const,
    ],
  }
}

/** IncrementalFetchContext.updateAndGenerateResponseData. */
function goOn(
  state: BrokerState,
  { id, epoch }: { readonly id: number; readonly epoch: number },
  response: FetchResponse,
) {
  const session = state.fetchSessions.get(id)
  // It had to make room meanwhile: this answer is its last.
  if (session === undefined) return { response: { ...response, sessionId: id }, changes: [] }
  if (session.epoch !== epoch) {
    const errorCode = ErrorCode.INVALID_FETCH_SESSION_EPOCH
    return { response: { ...response, errorCode, sessionId: id, responses: [], nodeEndpoints: [] }, changes: [] }
  }
  const partitions = new Map(session.partitions)
  const responses: FetchableTopicResponse[] = []
  for (const topic of response.responses) {
    const news = topic.partitions.filter((answer) => isNews(partitions, session.usesTopicIds, topic, answer))
    if (news.length > 0) responses.push({ ...topic, partitions: news })
  }
  return {
    response: { ...response, sessionId: id, responses },
    changes: [{ op: 'fetch-session', session: { ...session, partitions } } as const],
  }
}

/** Whether the client has to be told, and if so what it knows from then on (CachedPartition.maybeUpdateResponseData). */
function isNews(
  partitions: Map<string, SessionPartition>,
  usesTopicIds: boolean,
  { topic, topicId }: FetchableTopicResponse,
  answer: PartitionData,
): boolean {
  const key = keyOf({ topic, topicId, partition: answer.partitionIndex }, usesTopicIds)
  const known = partitions.get(key)
  if (known === undefined) return true
  const failed = answer.errorCode !== ErrorCode.NONE
  const highWatermark = failed ? -1 : answer.highWatermark
  const hasRecords = answer.records !== null && answer.records.length > 0
  const changed = answer.highWatermark !== known.highWatermark || answer.logStartOffset !== known.logStartOffset
  // What brought records goes behind the others, so that none starves.
  if (hasRecords) partitions.delete(key)
  partitions.set(key, { ...known, highWatermark, logStartOffset: answer.logStartOffset })
  return hasRecords || changed || failed || answer.preferredReadReplica >= 0
}

/**
 * Which sessions go so that there is room for one of so many partitions; null = there is none (FetchSessionCacheShard.tryEvict). One
 * that nobody uses any more goes; else a smaller one, if it is not new.
 */
function roomFor({ fetchSessions, config }: BrokerState, size: number, now: number): readonly number[] | null {
  if (fetchSessions.size < intConfig(config, 'max.incremental.fetch.session.cache.slots')) return []
  let stalest: FetchSession | null = null
  let smallest: FetchSession | null = null
  for (const session of fetchSessions.values()) {
    if (stalest === null || session.usedAt < stalest.usedAt) stalest = session
    // As old as it was when it was last used.
    if (session.usedAt - session.createdAt <= EVICTION_MS) continue
    if (smallest === null || session.partitions.size < smallest.partitions.size) smallest = session
  }
  if (stalest !== null && now - stalest.usedAt > EVICTION_MS) return [stalest.id]
  return smallest !== null && smallest.partitions.size < size ? [smallest.id] : null
}
