/**
 * A broker's only door: one input in, one decision out (etcd-io/raft's Step and Ready). No clock, no randomness, no I/O.
 */
import { ErrorCode } from '../protocol/errors.ts'
import { makeJoinGroupResponse, makeSyncGroupResponse } from '../protocol/make.ts'
import type { ApiName, RequestOf } from '../protocol/messages.ts'
import { HANDLERS } from './api/index.ts'
import { apply, fetchKey, forgetFetch } from './apply.ts'
import { type BrokerTimer, type Context, createDecision, type Decision } from './decision.ts'
import { loadShard } from './groups/coordinator.ts'
import { copyGroup } from './groups/group.ts'
import {
  completeJoin,
  finish,
  type GroupTurn,
  groupTimerKeys,
  initialDelayOver,
  sessionKey,
  sessionTimeout,
  syncTimeout,
} from './groups/rebalance.ts'
import { createLog } from './log.ts'
import { applyMetadata, type MetadataRecord, OFFSETS_TOPIC, topicById } from './metadata.ts'
import type { InboundRequest } from './request.ts'
import { type BrokerState, watchKey } from './state.ts'

/** Answers a client's request. A request nobody registered, or of a version outside the range, is refused. */
export function stepRequest(state: BrokerState, request: InboundRequest<RequestOf<ApiName>>, ctx: Context): Decision {
  const out = createDecision()
  const handler = HANDLERS.get(request.api)
  if (handler === undefined || request.apiVersion < handler.minVersion || request.apiVersion > handler.maxVersion) {
    // Kafka cannot answer in a version it does not know: it closes the connection (RequestContext.parseRequest).
    out.replies.push({ token: request, body: null })
    return out
  }
  handler.handle(state, request, ctx, out)
  apply(state, out, ctx)
  return out
}

export function stepTimer(state: BrokerState, timer: BrokerTimer, ctx: Context): Decision {
  const out = createDecision()
  if (timer.type === 'fetch') out.changes.push({ op: 'unpark-fetch', id: timer.id })
  else {
    const turn = turnFor(state, timer.groupId, ctx, out)
    if (turn === null) return out
    if (timer.type === 'session') sessionTimeout(turn, timer.memberId)
    else if (timer.type === 'join') completeJoin(turn)
    else if (timer.type === 'initial-join') initialDelayOver(turn, timer.delayMs, timer.remainingMs)
    else syncTimeout(turn, timer.generation)
    finish(turn)
  }
  apply(state, out, ctx)
  return out
}

/** Metadata records from the controller: topics appear and go, leadership moves. */
export function stepMetadata(state: BrokerState, records: readonly MetadataRecord[], ctx: Context): Decision {
  const out = createDecision()
  for (const record of records) {
    if (record.type === 'remove-topic') removeTopic(state, record.topicId, out)
    applyMetadata(state.image, record)
    if (record.type === 'partition') partitionChanged(state, record.topicId, record.partition, ctx, out)
  }
  apply(state, out, ctx)
  return out
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

/** The broker starts again: logs stay, everything in memory is built anew; coordinators are loaded from their logs. */
export function stepRestart(state: BrokerState, ctx: Context): Decision {
  const out = createDecision()
  state.parkedFetches.clear()
  state.fetchWatchers.clear()
  state.commitWaiters.clear()
  state.committedParts.clear()
  state.shards.clear()
  for (const log of state.logs.get(OFFSETS_TOPIC) ?? []) if (log !== undefined) load(state, log.partition, ctx, out)
  return out
}

function turnFor(state: BrokerState, groupId: string, ctx: Context, out: Decision): GroupTurn | null {
  for (const shard of state.shards.values()) {
    const group = shard.groups.get(groupId)
    if (group !== undefined)
      return { group: copyGroup(group), partition: shard.partition, out, ctx, config: state.config }
  }
  return null
}

function partitionChanged(state: BrokerState, topicId: string, partition: number, ctx: Context, out: Decision): void {
  const topic = topicById(state.image, topicId)
  const info = topic?.partitions[partition]
  if (topic === undefined || info === undefined) return
  if (info.replicas.includes(state.id)) {
    let logs = state.logs.get(topic.name)
    if (logs === undefined) {
      logs = []
      state.logs.set(topic.name, logs)
    }
    const log = logs[partition] ?? createLog(topic.name, topicId, partition)
    log.leaderEpoch = info.leaderEpoch
    logs[partition] = log
  }
  if (topic.name === OFFSETS_TOPIC) {
    if (info.leader === state.id) {
      if (!state.shards.has(partition)) load(state, partition, ctx, out)
    } else state.shards.delete(partition)
  }
  // A parked fetch on a partition that moved has to hear of it.
  for (const id of [...(state.fetchWatchers.get(watchKey(topic.name, partition)) ?? [])]) {
    if (info.leader !== state.id) out.changes.push({ op: 'unpark-fetch', id })
  }
}

function load(state: BrokerState, partition: number, ctx: Context, out: Decision): void {
  const log = state.logs.get(OFFSETS_TOPIC)?.[partition]
  if (log === undefined) return
  const shard = loadShard(log, ctx.now)
  state.shards.set(partition, shard)
  // Every member of a loaded group has a full session to be heard of (GroupMetadataManager.onLoaded).
  for (const group of shard.groups.values()) {
    for (const member of group.members.values()) {
      out.timers.push({
        key: sessionKey(group.id, member.id),
        at: ctx.now + member.sessionTimeoutMs,
        timer: { type: 'session', groupId: group.id, memberId: member.id, connection: -1 },
      })
    }
  }
}

/** The offsets topic is gone: so is what was built from it. Who waits there learns that this is no coordinator. */
function dropShards(state: BrokerState, out: Decision): void {
  for (const shard of state.shards.values()) {
    for (const group of shard.groups.values()) {
      for (const key of groupTimerKeys(group)) out.timers.push({ key, at: null })
      for (const { awaitingJoin, awaitingSync } of group.members.values()) {
        if (awaitingJoin !== null) {
          out.replies.push({
            token: awaitingJoin,
            body: makeJoinGroupResponse({ errorCode: ErrorCode.NOT_COORDINATOR }),
          })
        }
        if (awaitingSync !== null) {
          out.replies.push({
            token: awaitingSync,
            body: makeSyncGroupResponse({ errorCode: ErrorCode.NOT_COORDINATOR }),
          })
        }
      }
    }
  }
  state.shards.clear()
  state.commitWaiters.clear()
  state.committedParts.clear()
}

function removeTopic(state: BrokerState, topicId: string, out: Decision): void {
  const topic = topicById(state.image, topicId)
  if (topic === undefined) return
  for (const partition of topic.partitions.keys()) {
    for (const id of [...(state.fetchWatchers.get(watchKey(topic.name, partition)) ?? [])]) {
      out.changes.push({ op: 'unpark-fetch', id })
    }
  }
  state.logs.delete(topic.name)
  if (topic.name === OFFSETS_TOPIC) dropShards(state, out)
  // Commits for a topic that is gone are gone too (GroupCoordinatorService.onPartitionsDeleted).
  for (const shard of state.shards.values()) {
    const records = [...shard.offsets].flatMap(([group, topics]) =>
      [...(topics.get(topic.name)?.keys() ?? [])].map(
        (partition) => ({ type: 'offset-commit', group, topic: topic.name, partition, value: null }) as const,
      ),
    )
    if (records.length > 0) {
      out.changes.push({ op: 'coordinator-append', partition: shard.partition, records, after: { type: 'nothing' } })
    }
  }
}
