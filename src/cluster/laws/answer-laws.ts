/** Laws about what leaves a broker: they are checked when an answer does. */

import { READ_COMMITTED } from '../../broker/api/01-fetch.ts'
import { findBatch, lastStableOffset, logOf, type PartitionLog } from '../../broker/index.ts'
import { effectiveMinIsr } from '../../broker/replication/leader.ts'
import type { RequestToken } from '../../broker/request.ts'
import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import type { FetchRequest, FetchResponse, ProduceRequest, ProduceResponse } from '../../protocol/messages.ts'
import { compressionCode, lastOffsetOf, sequenceBefore } from '../../protocol/records.ts'
import type { NodeRuntime, World } from '../world.ts'
import { ledgerOf, type PartitionLedger, type ProducedBatch } from './ledger.ts'

/** By id. */
export const ANSWER_LAWS = {
  L7: 'A record once given to a consumer stays the same at its offset.',
  L8: 'Consumers see only records below the high watermark, those that read committed below the last stable offset.',
  P1: 'What acks=all acknowledges is below the high watermark, and enough replicas were in sync when it was appended.',
  P2: 'What acks=1 acknowledges is in the log of that leader.',
  P5: 'What acks=all acknowledges to an idempotent producer is in the log in the order in which it was sent.',
} as const

type AnswerLaw = keyof typeof ANSWER_LAWS

/** A Produce reached its broker: what it asked for is remembered until its answer. */
export function rememberProduce(world: World, node: NodeRuntime, token: RequestToken, body: ProduceRequest): void {
  const batches: ProducedBatch[] = []
  for (const { name: topic, partitionData } of body.topicData) {
    for (const { index: partition, records } of partitionData) {
      if (records?.[0] === undefined) continue
      const log = logOf(node.broker, topic, partition)
      const leader = log === undefined ? undefined : node.broker.leading.get(log.key)
      const enough = leader !== undefined && leader.isr.length >= effectiveMinIsr(node.broker, topic, partition)
      batches.push({ topic, partition, batch: records[0], enough })
    }
  }
  const { produces } = world.ledger
  const ofConnection = produces.get(token.connection) ?? new Map()
  produces.set(token.connection, ofConnection)
  ofConnection.set(token.correlationId, { acks: body.acks, batches })
}

/** A Fetch reached its broker; it works on one request of a connection at a time. */
export function rememberFetch({ ledger }: World, { connection }: RequestToken, { isolationLevel }: FetchRequest): void {
  if (isolationLevel === READ_COMMITTED) ledger.committedReaders.add(connection)
  else ledger.committedReaders.delete(connection)
}

/** An answer leaves: notes the first violation in the ledger. */
export function checkAnswer(world: World, node: NodeRuntime, token: RequestToken, body: unknown): void {
  if (world.ledger.violation !== null) return
  if (token.api === 'Produce') checkProduce(world, node, token, body as ProduceResponse)
  else if (token.api === 'Fetch' && body !== null) checkFetch(world, node, token, body as FetchResponse)
}

function checkProduce(world: World, node: NodeRuntime, token: RequestToken, body: ProduceResponse): void {
  const ofConnection = world.ledger.produces.get(token.connection)
  const asked = ofConnection?.get(token.correlationId)
  ofConnection?.delete(token.correlationId)
  if (asked === undefined || body === null || body === undefined) return
  for (const { name, partitionResponses } of body.responses) {
    for (const { index, errorCode, baseOffset } of partitionResponses) {
      if (errorCode !== ErrorCode.NONE) continue
      const produced = asked.batches.find(({ topic, partition }) => topic === name && partition === index)
      const log = logOf(node.broker, name, index)
      if (produced === undefined || log === undefined || baseOffset < log.logStartOffset) continue
      const { batch: sent, enough } = produced
      const where = `${name}-${index}, offset ${baseOffset}, broker ${node.id}`
      const batch = log.batches[findBatch(log, baseOffset)]
      if (batch === undefined || !isSame(batch, sent)) {
        // Of a repeated batch compaction may have left nothing.
        if (sent.producerId >= 0 && log.mayHaveGaps) continue
        broken(world, asked.acks === -1 ? 'P1' : 'P2', `${where}: it is not there`)
        return
      }
      if (asked.acks !== -1) continue
      if (lastOffsetOf(batch) >= log.highWatermark) {
        broken(world, 'P1', `${where}: the high watermark is ${log.highWatermark}`)
        return
      }
      // Not now: with several partitions in one request this one may have been committed long before the last.
      if (!enough) {
        broken(world, 'P1', `${where}: fewer than min.insync.replicas were in sync when it was appended`)
        return
      }
      const ledger = ledgerOf(world.ledger, log.topicId, index)
      ledger.acked.push({ baseOffset, records: batch.records })
      if (sent.producerId >= 0 && !isInOrder(ledger, sent, baseOffset)) {
        broken(world, 'P5', `${where}: sequence ${sent.baseSequence} of producer ${sent.producerId}`)
        return
      }
    }
  }
}

/** To the broker a batch of an idempotent producer is the one with its sequence, whatever it holds. */
function isSame(stored: RecordBatch, sent: RecordBatch): boolean {
  // Messages of an old format: their batch was made by the broker.
  if (stored.records === sent.records || sent.messageSet === true) return true
  // The topic has a codec of its own: the same records, in other bytes.
  if (compressionCode(stored) !== compressionCode(sent) && stored.recordCount === sent.recordCount) return true
  return (
    sent.producerId >= 0 &&
    stored.producerId === sent.producerId &&
    stored.producerEpoch === sent.producerEpoch &&
    stored.baseSequence === sent.baseSequence &&
    stored.lastOffsetDelta === sent.lastOffsetDelta
  )
}

/** Compares with the last one that was acknowledged, and remembers the later of the two. */
function isInOrder({ ackedLast, unsafe }: PartitionLedger, sent: RecordBatch, baseOffset: number): boolean {
  const { producerId, producerEpoch: epoch, baseSequence: sequence } = sent
  const before = ackedLast.get(producerId)
  const order = before === undefined ? 1 : sendOrder(before, { epoch, sequence })
  if (order > 0) ackedLast.set(producerId, { epoch, sequence, baseOffset })
  // After an unclean election offsets are given a second time.
  return before === undefined || unsafe !== null || order === Math.sign(baseOffset - before.baseOffset)
}

interface Sent {
  readonly epoch: number
  readonly sequence: number
}

/** 1 = b was sent after a, -1 = before it. Sequences wrap: of two the later one is less than half a round ahead. */
function sendOrder(a: Sent, b: Sent): number {
  if (a.epoch !== b.epoch) return Math.sign(b.epoch - a.epoch)
  const ahead = sequenceBefore(b.sequence, a.sequence)
  return ahead === 0 ? 0 : ahead < 2 ** 30 ? 1 : -1
}

function checkFetch(world: World, node: NodeRuntime, { connection }: RequestToken, body: FetchResponse): void {
  const committedOnly = world.ledger.committedReaders.has(connection)
  for (const { topic, topicId, partitions } of body.responses) {
    const name = topic === '' ? (world.controller.image.topicNames.get(topicId) ?? '') : topic
    for (const { partitionIndex, records } of partitions) {
      const log = logOf(node.broker, name, partitionIndex)
      if (log === undefined || records === null) continue
      const end = committedOnly ? lastStableOffset(log) : log.highWatermark
      for (const batch of records) {
        if (lastOffsetOf(batch) >= end) {
          const what = committedOnly ? 'LSO' : 'HW'
          const detail = `${name}-${partitionIndex} on broker ${node.id}: given ${lastOffsetOf(batch)}, ${what} ${end}`
          broken(world, 'L8', detail)
          return
        }
        // Messages of an old format are made anew for every answer.
        if (batch.messageSet === true) continue
        if (!sameAsServed(world, node, log, batch.baseOffset, batch.records)) return
      }
    }
  }
}

function sameAsServed(
  world: World,
  node: NodeRuntime,
  log: PartitionLog,
  baseOffset: number,
  records: Uint8Array,
): boolean {
  const ledger = ledgerOf(world.ledger, log.topicId, log.partition)
  const before = ledger.served.get(baseOffset)
  ledger.served.set(baseOffset, records)
  // A cleaner writes batches anew.
  if (before === undefined || before === records || ledger.unsafe !== null || log.mayHaveGaps) return true
  broken(world, 'L7', `${log.topic}-${log.partition}, offset ${baseOffset}, now from broker ${node.id}`)
  return false
}

function broken(world: World, law: AnswerLaw, detail: string): void {
  world.ledger.violation ??= { law, sentence: ANSWER_LAWS[law], detail }
}
