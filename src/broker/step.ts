/**
 * A broker's only door: one input in, one decision out (etcd-io/raft's Step and Ready). No clock, no randomness, no I/O.
 */
import type { ApiName, RequestOf } from '../protocol/messages.ts'
import { HANDLERS } from './api/index.ts'
import { apply, fetchKey, forgetFetch, highWatermarkMoved, logStartMoved, resuming } from './apply.ts'
import { overlaidConfig } from './config.ts'
import { type BrokerTimer, type Context, createDecision, type Decision } from './decision.ts'
import { completeDeletes, onDeletesTimeout } from './deletes.ts'
import { expireGroups } from './groups/expiry.ts'
import { partitionsWithOffsets } from './groups/pending-offsets.ts'
import { beginLoading, commitTimeout, finishLoading, resign, revertUnwritable } from './groups/tenure.ts'
import { groupTimerKey, stepGroupTimer, TIMER_RETRY_MS } from './groups/timers.ts'
import { configureLog, createLog, type PartitionLog, removeExpiredProducers } from './log/index.ts'
import { armMaintenance, maintain } from './maintenance.ts'
import {
  applyMetadata,
  brokerEpochOf,
  clearImage,
  type MetadataRecord,
  OFFSETS_TOPIC,
  type PartitionInfo,
  TRANSACTION_TOPIC,
  topicById,
} from './metadata.ts'
import { isServed } from './offer.ts'
import { gotProducerIds, NO_PRODUCER_IDS } from './producer-ids.ts'
import { beginEpoch } from './replication/epochs.ts'
import { askLeader, follow, gotReplicaData } from './replication/follower.ts'
import {
  alterRefused,
  createFollowerState,
  createLeaderState,
  lagTimeMs,
  maybeExpandIsr,
  maybeShrinkIsr,
} from './replication/leader.ts'
import type { PeerMessage } from './replication/messages.ts'
import { advance, failProduces, onReplicaFetch, onReplicaWait } from './replication/progress.ts'
import type { InboundRequest } from './request.ts'
import { type BrokerState, dynamicConfig, logByKey, logConfigOf, logOf, watchKey } from './state.ts'
import { writeTimeout } from './transactions/append.ts'
import { onMarkersTimer, onTxnMarkersWritten } from './transactions/completion.ts'
import { forgetCoordination } from './transactions/shard.ts'
import { beginLoadingTransactions, finishLoadingTransactions, resignTransactions } from './transactions/tenure.ts'
import { abortTimedOut, expireTransactionalIds } from './transactions/timeouts.ts'
import { onBrokersChanged, onQuestionsLost, onQuestionTimer, onTransactionAnswer } from './verification/park.ts'

/** Answers a client's request. A request that the release does not offer is refused. */
export function stepRequest(state: BrokerState, request: InboundRequest<RequestOf<ApiName>>, ctx: Context): Decision {
  const out = createDecision()
  const handler = HANDLERS.get(request.api)
  if (handler === undefined || !isServed(state.offer, request.api, request.apiVersion)) {
    // Kafka cannot answer in a version it does not know: it closes the connection (RequestContext.parseRequest).
    out.replies.push({ token: request, body: null })
    return out
  }
  handler.handle(state, request, ctx, out)
  revertUnwritable(state, out)
  apply(state, out, ctx)
  return out
}

export function stepTimer(state: BrokerState, timer: BrokerTimer, ctx: Context): Decision {
  const out = createDecision()
  if (timer.type === 'fetch') out.changes.push({ op: 'unpark-fetch', id: timer.id })
  else if (timer.type === 'produce') out.changes.push({ op: 'produce-timeout', id: timer.id })
  else if (timer.type === 'replica-wait') onReplicaWait(state, timer.topic, timer.partition, timer.follower, out)
  else if (timer.type === 'isr-check') checkIsr(state, ctx, out)
  else if (timer.type === 'delete-records') onDeletesTimeout(state, timer.id, out)
  else if (timer.type === 'retention' || timer.type === 'cleaner' || timer.type === 'producers')
    maintain(state, timer.type, ctx, out, (log) => logStartMoved(state, log, ctx, out))
  else if (timer.type === 'load') finishLoading(state, ctx, out)
  else if (timer.type === 'transaction-write') writeTimeout(state, timer.partition, ctx, out)
  else if (timer.type === 'txn-load') finishLoadingTransactions(state, ctx, out)
  else if (timer.type === 'txn-markers') onMarkersTimer(state, ctx, out)
  else if (timer.type === 'txn-timeout') abortTimedOut(state, ctx, out)
  else if (timer.type === 'txn-expiry') expireTransactionalIds(state, ctx, out)
  else if (timer.type === 'verification') onQuestionTimer(state, timer.request, ctx, resuming(state, ctx, out))
  else if (timer.type === 'commit') commitTimeout(state, timer.partition, ctx, out)
  else if (timer.type === 'group-expiry') expireGroups(state, ctx, out)
  else {
    stepGroupTimer(state, timer, ctx, out)
    // As long as that takes (CoordinatorRuntime.CoordinatorTimerImpl).
    if (revertUnwritable(state, out, true))
      out.timers.push({ key: groupTimerKey(timer), at: ctx.now + TIMER_RETRY_MS, timer })
  }
  apply(state, out, ctx)
  return out
}

/**
 * Metadata records from the controller: topics appear and go, leadership moves. A broker acts on what holds after all of
 * them, so one that catches up takes no role that is past.
 */
export function stepMetadata(state: BrokerState, records: readonly MetadataRecord[], ctx: Context): Decision {
  const out = createDecision()
  const epoch = brokerEpochOf(state.image, state.id)
  const touched = new Map<string, { readonly topicId: string; readonly partition: number }>()
  for (const record of records) {
    if (record.type === 'remove-topic') removeTopic(state, record.topicId, ctx, out)
    applyMetadata(state.image, record)
    // A broker that reads the log anew may have asked before it knew the topic.
    if (record.type === 'topic') state.logConfigs.delete(record.name)
    if (record.type === 'partition') {
      const { topicId, partition } = record
      touched.set(`${topicId}-${partition}`, { topicId, partition })
    } else if (record.type === 'config') {
      if (record.resource === 'broker') reconfigure(state)
      reconfigureLogs(state, record.resource === 'broker' ? null : record.name, ctx, out)
    }
  }
  for (const { topicId, partition } of touched.values()) partitionChanged(state, topicId, partition, ctx, out)
  // Its leaders know an earlier incarnation of it, and do not let that into the ISR (KIP-903).
  if (epoch >= 0 && brokerEpochOf(state.image, state.id) !== epoch) askLeaders(state, out)
  if (records.some((record) => record.type === 'broker' && !record.fenced)) expandIsrs(state, out)
  completeDeletes(state, out)
  apply(state, out, ctx)
  if (state.questions.size > 0) onBrokersChanged(state, ctx, resuming(state, ctx, out))
  return out
}

/** A message of another broker or of the controller. */
export function stepPeer(state: BrokerState, message: PeerMessage, ctx: Context): Decision {
  const out = createDecision()
  if (message.type === 'replica-fetch') {
    onReplicaFetch(state, message, ctx.now, out, highWatermarkMoved(state, ctx, out))
    completeDeletes(state, out)
  } else if (message.type === 'replica-data') {
    const log = logOf(state, message.topic, message.partition)
    const before = { start: log?.logStartOffset, highWatermark: log?.highWatermark }
    gotReplicaData(state, message, ctx.now, out)
    if (log !== undefined) {
      if (log.logStartOffset !== before.start) logStartMoved(state, log, ctx, out)
      // Consumers may wait here, too (KIP-392).
      if (log.highWatermark !== before.highWatermark) highWatermarkMoved(state, ctx, out)(log)
      armMaintenance(state, log, ctx.now, out)
    }
  }
  if (message.type === 'txn-markers') {
    const asker = { type: 'coordinator', broker: message.from, request: message.request } as const
    out.changes.push({ op: 'write-markers', asker, markers: message.markers })
  }
  if (message.type === 'txn-partitions') {
    const asker = { type: 'leader', broker: message.from, request: message.request } as const
    out.changes.push({ op: 'transaction-partitions', asker, transactions: [message.transaction] })
  }
  if (message.type === 'txn-partitions-answer') onTransactionAnswer(state, message, ctx, resuming(state, ctx, out))
  if (message.type === 'txn-markers-written') onTxnMarkersWritten(state, message, ctx, out)
  if (message.type === 'producer-ids') state.producerIds = gotProducerIds(state.producerIds, message, ctx.now)
  if (message.type === 'alter-refused') {
    const name = state.image.topicNames.get(message.topicId)
    const leader = name === undefined ? undefined : state.leading.get(watchKey(name, message.partition))
    if (leader !== undefined && leader.partitionEpoch === message.partitionEpoch)
      alterRefused(leader, message.errorCode)
  }
  apply(state, out, ctx)
  return out
}

/** What is set for this broker wins over what is set for all, and that over what it was started with. */
function reconfigure(state: BrokerState): void {
  const { image, staticConfig } = state
  state.config = overlaidConfig(staticConfig, dynamicConfig(image, ''), dynamicConfig(image, String(state.id)))
}

/** The logs of a topic, or all of them (null), go by what is configured now. */
function reconfigureLogs(state: BrokerState, only: string | null, ctx: Context, out: Decision): void {
  if (only === null) state.logConfigs.clear()
  else state.logConfigs.delete(only)
  for (const [topic, logs] of state.logs) {
    if (only !== null && topic !== only) continue
    for (const log of logs) {
      if (log === undefined) continue
      configureLog(log, logConfigOf(state, topic))
      armMaintenance(state, log, ctx.now, out)
    }
  }
}

/** The link to another broker works again: what was asked of it may be lost, so it is asked once more. */
export function stepLinkRestored(state: BrokerState, peer: number, ctx: Context): Decision {
  const out = createDecision()
  askLeaders(state, out, peer)
  onQuestionsLost(state, peer, ctx, resuming(state, ctx, out))
  return out
}

function askLeaders(state: BrokerState, out: Decision, leader?: number): void {
  for (const [key, role] of state.following) {
    if (leader !== undefined && role.leader !== leader) continue
    const log = logByKey(state, key)
    if (log !== undefined) askLeader(state, log, role, out)
  }
}

/** A client's connection ended: what waited for it waits no more. Group members stay until their session ends. */
export function stepDisconnect(state: BrokerState, connection: number): Decision {
  const out = createDecision()
  for (const parked of [...state.parkedFetches.values()]) {
    if (parked.token.connection !== connection) continue
    forgetFetch(state, parked.id)
    out.timers.push({ key: fetchKey(parked.id), at: null })
  }
  return out
}

/** The broker starts again: logs stay, everything in memory is gone; what it leads it learns from the controller. */
export function stepRestart(state: BrokerState, now: number): Decision {
  state.parkedFetches.clear()
  state.fetchWatchers.clear()
  state.fetchSessions.clear()
  state.commitWaiters.clear()
  state.committedParts.clear()
  for (const { groups } of state.shards.values()) for (const id of groups.keys()) state.touched?.groups.add(id)
  state.shards.clear()
  state.loading.clear()
  state.leading.clear()
  state.following.clear()
  state.earlyFetches.length = 0
  state.parkedProduces.clear()
  state.produceWatchers.clear()
  state.parkedDeletes.clear()
  state.markerRequests.clear()
  state.questions.clear()
  // Its timers died with it.
  state.groupExpiry = Infinity
  forgetCoordination(state.transactions)
  state.maintenance.retention = Infinity
  state.maintenance.cleaner = Infinity
  state.maintenance.producers = Infinity
  state.producerIds = NO_PRODUCER_IDS
  // It reads the metadata log anew.
  clearImage(state.image)
  state.logConfigs.clear()
  reconfigure(state)
  // ProducerStateManager.loadFromSnapshot.
  for (const logs of state.logs.values())
    for (const log of logs) {
      if (log === undefined) continue
      log.producers.verifications.clear()
      removeExpiredProducers(log, now)
    }
  return createDecision()
}

function partitionChanged(state: BrokerState, topicId: string, partition: number, ctx: Context, out: Decision): void {
  const topic = topicById(state.image, topicId)
  const info = topic?.partitions[partition]
  if (topic === undefined || info === undefined) return
  const key = watchKey(topic.name, partition)
  state.touched?.partitions.add(key)
  const holds = info.replicas.includes(state.id)
  const log = holds ? ensureLog(state, topic.name, topicId, partition, ctx.now) : undefined
  const leads = info.leader === state.id
  if (!leads) stopLeading(state, topic.name, partition, ctx, out)
  if (log !== undefined) {
    log.leaderEpoch = info.leaderEpoch
    armMaintenance(state, log, ctx.now, out)
    if (leads) lead(state, log, info, ctx, out)
    else {
      const known = state.following.get(key)
      if (info.leader < 0) state.following.delete(key)
      else if (known === undefined || known.epoch !== info.leaderEpoch || known.leader !== info.leader) {
        follow(state, log, { leader: info.leader, epoch: info.leaderEpoch }, ctx.now, out)
      }
    }
  }
  if (!holds) dropReplica(state, topic.name, partition)
  // A parked fetch on a partition that moved has to hear of it.
  if (!leads) for (const id of [...(state.fetchWatchers.get(key) ?? [])]) out.changes.push({ op: 'unpark-fetch', id })
}

/** Partition.makeLeader, and what an unchanged leader learns: its ISR as the controller has confirmed it. */
function lead(state: BrokerState, log: PartitionLog, info: PartitionInfo, ctx: Context, out: Decision): void {
  const key = log.key
  const moved = highWatermarkMoved(state, ctx, out)
  const known = state.leading.get(key)
  state.following.delete(key)
  if (known !== undefined && known.epoch === info.leaderEpoch) {
    // A reassignment adds replicas within an epoch.
    for (const id of info.replicas) {
      if (id !== state.id && !known.followers.has(id)) known.followers.set(id, createFollowerState(log, id, 0))
    }
    known.isr = info.isr
    known.partitionEpoch = info.partitionEpoch
    known.proposed = null
    advance(state, log, known, ctx.now, out, moved)
    for (const id of known.followers.keys()) maybeExpandIsr(state, log, known, id, out)
    return
  }
  const leader = createLeaderState(
    log,
    info.leaderEpoch,
    info.partitionEpoch,
    info.isr,
    info.replicas,
    state.id,
    ctx.now,
  )
  beginEpoch(log, info.leaderEpoch, log.logEndOffset)
  state.leading.set(key, leader)
  if (log.topic === OFFSETS_TOPIC) beginLoading(state, log.partition, ctx, out)
  if (log.topic === TRANSACTION_TOPIC) beginLoadingTransactions(state, log.partition, ctx, out)
  advance(state, log, leader, ctx.now, out, moved)
  const early = state.earlyFetches.filter((fetch) => watchKey(fetch.topic, fetch.partition) === key)
  for (const fetch of early) {
    state.earlyFetches.splice(state.earlyFetches.indexOf(fetch), 1)
    onReplicaFetch(state, fetch, ctx.now, out, moved)
  }
  if (info.replicas.length > 1) armIsrCheck(state, ctx, out)
}

function stopLeading(state: BrokerState, topic: string, partition: number, ctx: Context, out: Decision): void {
  const key = watchKey(topic, partition)
  if (!state.leading.delete(key)) return
  failProduces(state, key, out)
  if (topic === OFFSETS_TOPIC) resign(state, partition, out)
  if (topic === TRANSACTION_TOPIC) resignTransactions(state, partition, ctx, out)
}

/** Kafka checks twice a lag time (ReplicaManager, isr-expiration). */
function armIsrCheck(state: BrokerState, ctx: Context, out: Decision): void {
  out.timers.push({ key: 'isr-check', at: ctx.now + lagTimeMs(state) / 2, timer: { type: 'isr-check' } })
}

function checkIsr(state: BrokerState, ctx: Context, out: Decision): void {
  let replicated = false
  for (const [key, leader] of state.leading) {
    if (leader.followers.size === 0) continue
    replicated = true
    const log = logByKey(state, key)
    if (log !== undefined) maybeShrinkIsr(state, log, leader, ctx.now, out)
  }
  expandIsrs(state, out)
  if (replicated) armIsrCheck(state, ctx, out)
}

/** A follower that has caught up and waits does not ask again: who may join now is looked at when that may have changed. */
function expandIsrs(state: BrokerState, out: Decision): void {
  for (const [key, leader] of state.leading) {
    const log = logByKey(state, key)
    if (log !== undefined) for (const id of leader.followers.keys()) maybeExpandIsr(state, log, leader, id, out)
  }
}

function ensureLog(state: BrokerState, topic: string, topicId: string, partition: number, now: number): PartitionLog {
  let logs = state.logs.get(topic)
  if (logs === undefined) {
    logs = []
    state.logs.set(topic, logs)
  }
  const config = logConfigOf(state, topic)
  const log = logs[partition] ?? createLog(topic, topicId, partition, config, now)
  configureLog(log, config)
  logs[partition] = log
  return log
}

/** This broker holds the partition no more: should it ever come back, it begins empty. */
function dropReplica(state: BrokerState, topic: string, partition: number): void {
  state.following.delete(watchKey(topic, partition))
  const logs = state.logs.get(topic)
  if (logs?.[partition] !== undefined) delete logs[partition]
}

function removeTopic(state: BrokerState, topicId: string, ctx: Context, out: Decision): void {
  const topic = topicById(state.image, topicId)
  if (topic === undefined) return
  for (const partition of topic.partitions.keys()) {
    for (const id of [...(state.fetchWatchers.get(watchKey(topic.name, partition)) ?? [])]) {
      out.changes.push({ op: 'unpark-fetch', id })
    }
  }
  for (const partition of topic.partitions.keys()) {
    stopLeading(state, topic.name, partition, ctx, out)
    state.following.delete(watchKey(topic.name, partition))
  }
  state.logs.delete(topic.name)
  state.logConfigs.delete(topic.name)
  // Commits for a topic that is gone are gone too (GroupCoordinatorService.onPartitionsDeleted).
  for (const shard of state.shards.values()) {
    const records = [...shard.groups.keys()].flatMap((group) =>
      partitionsWithOffsets(shard, group)
        .filter((of) => of.topic === topic.name)
        .map((of) => ({ type: 'offset-commit', group, ...of, value: null }) as const),
    )
    if (records.length > 0) {
      out.changes.push({ op: 'coordinator-append', partition: shard.partition, records, after: { type: 'nothing' } })
    }
  }
}
