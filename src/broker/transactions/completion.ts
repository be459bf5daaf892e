/**
 * A transaction is decided: its markers go to the leaders of its partitions, and when all are written it is complete
 * (TransactionMarkerChannelManager.scala). A failover in between begins this part anew.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { intConfig } from '../config.ts'
import type { Context, Decision } from '../decision.ts'
import type { TxnMarkersWritten } from '../replication/messages.ts'
import type { BrokerState } from '../state.ts'
import { partitionOf } from './records.ts'
import { completed, type Transaction } from './transaction.ts'
import { type TransactionTurn, writeTransaction } from './turn.ts'

/** A decided transaction on its way to be complete. */
export interface Outgoing {
  readonly id: string
  /** Of `__transaction_state`. */
  readonly shard: number
  /** Partitions whose marker is not known to be written, and the request that carries it; null = none does. */
  readonly open: Map<string, Carried | null>
}

interface Carried {
  readonly request: number
  /** Whom it was sent to; another leader is asked anew. */
  readonly leaderEpoch: number
  readonly leader: number
  readonly at: number
}

/** How often what is still open is looked at. */
const RETRY_MS = 100

/** What is to be written anew, or given up: the leader has changed, or may not have it. */
const RETRIED: readonly number[] = [
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.KAFKA_STORAGE_ERROR,
]

/** What ends this coordinator's part (TransactionMarkerRequestCompletionHandler: abortSending). */
const FENCED: readonly number[] = [ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.TRANSACTION_COORDINATOR_FENCED]

/** PrepareCommit or PrepareAbort is in the log: from here on the outcome cannot change. */
export function afterDecided(turn: TransactionTurn, transaction: Transaction): void {
  const { state, shard } = turn
  const outgoing: Outgoing = {
    id: transaction.id,
    shard: shard.partition,
    open: new Map(transaction.partitions.map((name) => [name, null])),
  }
  // Nothing else may happen to it (prepareComplete).
  shard.transactions.set(transaction.id, {
    ...transaction,
    pending: transaction.state === 'PrepareCommit' ? 'CompleteCommit' : 'CompleteAbort',
  })
  state.transactions.outgoing.set(transaction.id, outgoing)
  sendMarkers(turn, outgoing)
}

/** Sends what no request carries. */
function sendMarkers(turn: TransactionTurn, outgoing: Outgoing): void {
  const { state, shard, ctx, out } = turn
  const transaction = shard.transactions.get(outgoing.id)
  if (transaction === undefined) return
  // A request without an answer is repeated.
  const timeoutMs = intConfig(state.config, 'request.timeout.ms')
  const byLeader = new Map<number, string[]>()
  for (const [name, carried] of outgoing.open) {
    const { topic, partition } = partitionOf(name)
    const info = state.image.topics.get(topic)?.partitions[partition]
    if (info === undefined) {
      // The topic has been deleted: nobody will ask for it.
      outgoing.open.delete(name)
      continue
    }
    const isOnItsWay =
      carried !== null &&
      carried.leader === info.leader &&
      carried.leaderEpoch === info.leaderEpoch &&
      ctx.now - carried.at < timeoutMs
    if (isOnItsWay || info.leader < 0) continue
    outgoing.open.set(name, {
      request: state.transactions.nextRequest,
      leader: info.leader,
      leaderEpoch: info.leaderEpoch,
      at: ctx.now,
    })
    const names = byLeader.get(info.leader) ?? []
    byLeader.set(info.leader, names)
    names.push(name)
  }
  const request = state.transactions.nextRequest
  if (byLeader.size > 0) state.transactions.nextRequest += 1
  for (const [to, partitions] of byLeader) {
    const marker = {
      producerId: transaction.producerId,
      producerEpoch: transaction.epoch,
      commit: transaction.state === 'PrepareCommit',
      coordinatorEpoch: shard.coordinatorEpoch,
      version: transaction.version,
      partitions: partitions.map(partitionOf),
    }
    out.sends.push({ to, message: { type: 'txn-markers', from: state.id, request, markers: [marker] } })
  }
  if (outgoing.open.size > 0) armMarkers(ctx, out)
  else complete(turn, outgoing)
}

/** All markers are written. */
function complete(turn: TransactionTurn, { id }: Outgoing): void {
  const { state, shard, ctx } = turn
  const transaction = shard.transactions.get(id)
  if (transaction === undefined) return
  const open: Transaction = { ...transaction, pending: null }
  state.transactions.outgoing.delete(id)
  writeTransaction(turn, open, completed(open, ctx.now), { type: 'completed' })
}

/** The Complete record could not be written: again, in a while. */
export function retryCompletion(state: BrokerState, id: string, out: Decision, ctx: Context): void {
  for (const shard of state.transactions.shards.values()) {
    if (!shard.transactions.has(id)) continue
    state.transactions.outgoing.set(id, { id, shard: shard.partition, open: new Map() })
    armMarkers(ctx, out)
  }
}

export function afterCompleted({ state }: TransactionTurn, { id }: Transaction): void {
  state.transactions.outgoing.delete(id)
}

/** A leader answers. */
export function onTxnMarkersWritten(
  state: BrokerState,
  { request, results }: TxnMarkersWritten,
  ctx: Context,
  out: Decision,
): void {
  const { outgoing, shards } = state.transactions
  for (const { producerId, topic, partition, errorCode } of results) {
    const name = `${topic}-${partition}`
    for (const going of [...outgoing.values()]) {
      const shard = shards.get(going.shard)
      if (shard?.transactions.get(going.id)?.producerId !== producerId || going.open.get(name)?.request !== request)
        continue
      // Somebody newer has taken over, and sees to it.
      if (FENCED.includes(errorCode)) {
        outgoing.delete(going.id)
        continue
      }
      if (RETRIED.includes(errorCode)) going.open.set(name, null)
      else going.open.delete(name)
      if (going.open.size === 0) complete({ state, shard, ctx, out }, going)
    }
  }
}

/** What is still open is looked at: leaders may have changed, answers may be lost. */
export function onMarkersTimer(state: BrokerState, ctx: Context, out: Decision): void {
  for (const going of [...state.transactions.outgoing.values()]) {
    const shard = state.transactions.shards.get(going.shard)
    if (shard === undefined) state.transactions.outgoing.delete(going.id)
    else sendMarkers({ state, shard, ctx, out }, going)
  }
}

function armMarkers(ctx: Context, out: Decision): void {
  out.timers.push({ key: 'txn-markers', at: ctx.now + RETRY_MS, timer: { type: 'txn-markers' } })
}
