/** One fetched batch on its way through the user's handler: events, commit and heartbeat around it (KJ5, KJ7, KJ9). */
import { READ_UNCOMMITTED } from '../constants.ts'
import { consumerEvents } from '../events/names.ts'
import { decodeBatch, FetchedBatch, type FetchedPartition } from './batch.ts'
import { handleEachBatch } from './each-batch.ts'
import { handleEachMessage } from './each-message.ts'
import { recordedHandler } from './recorded-handler.ts'
import type { Runner } from './runner.ts'

export async function handleBatch(runner: Runner, fetched: FetchedPartition): Promise<void> {
  const decoding = decodeBatch(fetched, runner.options.context.host)
  const batch = decoding instanceof Promise ? await decoding : decoding
  if (batch.isEmpty() && !batch.isEmptyDueToFiltering()) {
    await runner.heartbeat()
    return
  }
  const { emitter, context, eachMessage, eachBatch } = runner.options
  const startedAt = context.transport.now()
  const listened =
    emitter.hasListeners(consumerEvents.START_BATCH_PROCESS) || emitter.hasListeners(consumerEvents.END_BATCH_PROCESS)
  const payload = listened ? batchPayload(batch) : undefined
  emitter.emit(consumerEvents.START_BATCH_PROCESS, payload)
  const ended = (): void => {
    if (!emitter.hasListeners(consumerEvents.END_BATCH_PROCESS)) return
    emitter.emit(consumerEvents.END_BATCH_PROCESS, {
      ...(payload ?? batchPayload(batch)),
      duration: context.transport.now() - startedAt,
    })
  }

  // KJ9: nothing to see, but the position has to move on.
  if (batch.isEmptyDueToFiltering()) {
    runner.group.offsets.resolve(batch.topic, batch.partition, FetchedBatch.lastOffsetAsNumber(batch))
    const commit = runner.commitIfDue()
    if (commit !== undefined) await commit
    ended()
    await runner.heartbeat()
    return
  }

  const { recorder } = context.transport
  if (eachMessage) {
    // Chosen here, so that the loop over the messages costs nothing more where nothing is recorded.
    const readUncommitted = runner.options.isolationLevel === READ_UNCOMMITTED
    const handler =
      recorder === undefined
        ? eachMessage
        : recordedHandler(recorder, runner.group, eachMessage, fetched, readUncommitted)
    await handleEachMessage(runner, handler, batch)
  } else if (eachBatch) await handleEachBatch(runner, eachBatch, batch, fetched.records)
  ended()

  const commit = runner.commitResolved()
  if (commit !== undefined) await commit
  const beat = runner.heartbeat()
  if (beat !== undefined) await beat
}

function batchPayload(batch: FetchedBatch) {
  return {
    topic: batch.topic,
    partition: batch.partition,
    highWatermark: batch.highWatermark,
    offsetLag: batch.offsetLag(),
    offsetLagLow: batch.offsetLagLow(),
    batchSize: batch.messages.length,
    firstOffset: batch.firstOffset(),
    lastOffset: batch.lastOffset(),
  }
}
