/**
 * Writing the ends of transactions into the logs this broker leads (KafkaApis.handleWriteTxnMarkersRequest): for the transaction
 * coordinator, which sends them as a peer, and for admins that abort a hanging transaction (KIP-664). As with acks=all, the
 * answer comes when every marker is replicated.
 *
 * Per partition: UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER (also while this broker has yet to load its groups),
 * NOT_ENOUGH_REPLICAS (nothing is written), NOT_ENOUGH_REPLICAS_AFTER_APPEND and REQUEST_TIMED_OUT (it is written): the
 * coordinator tries those again, and a marker that is there twice does no harm. INVALID_PRODUCER_EPOCH and
 * TRANSACTION_COORDINATOR_FENCED are final.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { encodeTransactionMarker } from '../../protocol/records.ts'
import { intConfig } from '../config.ts'
import type { Context, Decision } from '../decision.ts'
import { transactionCompleted } from '../groups/transactional.ts'
import { markerProblem, type PartitionLog } from '../log/index.ts'
import { OFFSETS_TOPIC } from '../metadata.ts'
import { lacksReplicas } from '../replication/leader.ts'
import type { MarkerResult, TxnMarker } from '../replication/messages.ts'
import { awaitReplicas } from '../replication/progress.ts'
import { type BrokerState, logOf, type MarkersAsker, type ReplicaWait } from '../state.ts'
import { answerMarkers } from './answer.ts'

export interface MarkersToWrite {
  readonly asker: MarkersAsker
  readonly markers: readonly TxnMarker[]
}

/** @param append puts a batch at the end of a log and does what follows from that */
export function writeMarkers(
  state: BrokerState,
  { asker, markers }: MarkersToWrite,
  ctx: Context,
  out: Decision,
  append: (log: PartitionLog, batch: RecordBatch) => void,
): void {
  const results: MarkerResult[] = []
  const waits: ReplicaWait[] = []
  for (const marker of markers) {
    const { producerId } = marker
    for (const { topic, partition } of marker.partitions) {
      const log = logOf(state, topic, partition)
      const errorCode = problemOf(state, topic, partition, log, marker)
      results.push({ producerId, topic, partition, errorCode })
      if (log === undefined) continue
      if (errorCode === ErrorCode.NONE) waits.push(write(state, log, marker, ctx, out, append))
      else if (isFencing(errorCode)) tellRefusal(state, log, marker, errorCode, out)
    }
  }
  if (waits.length === 0) return answerMarkers(state, asker, results, out)
  const deadline = ctx.now + intConfig(state.config, 'request.timeout.ms')
  awaitReplicas(state, { after: { type: 'markers', asker, results }, waits, deadline }, out)
}

function problemOf(
  state: BrokerState,
  topic: string,
  partition: number,
  log: PartitionLog | undefined,
  marker: TxnMarker,
): number {
  // A broker without a replica does not know the partition, as far as this request goes (ReplicaManager.getMagic).
  if (log === undefined || state.image.topics.get(topic)?.partitions[partition] === undefined)
    return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  if (!state.leading.has(log.key)) return ErrorCode.NOT_LEADER_OR_FOLLOWER
  // The coordinator of the groups takes part: its errors are told as those of a leader that is not ready.
  if (topic === OFFSETS_TOPIC && !state.shards.has(partition)) return ErrorCode.NOT_LEADER_OR_FOLLOWER
  if (lacksReplicas(state, topic, partition)) return ErrorCode.NOT_ENOUGH_REPLICAS
  return markerProblem(log.producers.entries.get(marker.producerId), marker)
}

function write(
  state: BrokerState,
  log: PartitionLog,
  { producerId, producerEpoch, commit, coordinatorEpoch }: TxnMarker,
  ctx: Context,
  out: Decision,
  append: (log: PartitionLog, batch: RecordBatch) => void,
): ReplicaWait {
  const { topic, partition, key, logEndOffset } = log
  const type = commit ? 'COMMIT' : 'ABORT'
  append(log, encodeTransactionMarker({ type, producerId, producerEpoch, coordinatorEpoch, timestamp: ctx.now }))
  if (topic === OFFSETS_TOPIC) transactionCompleted(state, partition, producerId, commit, ctx, out)
  return { topic, partition, key, offset: logEndOffset + 1 }
}

function isFencing(errorCode: number): boolean {
  return errorCode === ErrorCode.INVALID_PRODUCER_EPOCH || errorCode === ErrorCode.TRANSACTION_COORDINATOR_FENCED
}

function tellRefusal(
  { id }: BrokerState,
  { topic, partition }: PartitionLog,
  { producerId, producerEpoch, coordinatorEpoch, commit }: TxnMarker,
  errorCode: number,
  out: Decision,
): void {
  const outcome = commit ? 'commit' : 'abort'
  const marker = { producerId, producerEpoch, coordinatorEpoch, outcome } as const
  out.facts.push({ type: 'marker.refused', node: id, topic, partition, ...marker, errorCode })
}
