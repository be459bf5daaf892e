/** What surrounds one call of `eachBatch` (KJ8, KJ9). */

import type { RecordBatch } from '../../protocol/batch.ts'
import type { RecordedHandler } from '../../protocol/recorder.ts'
import { inCall } from '../call.ts'
import { READ_UNCOMMITTED } from '../constants.ts'
import { isKafkaJSError, viewError } from '../errors/classify.ts'
import { parseInt64 } from '../int64.ts'
import type { Batch, EachBatchHandler, EachBatchPayload } from '../types/messages.ts'
import type { Offsets as OffsetsShape } from '../types/metadata.ts'
import { toOffsetsToCommit } from './arguments.ts'
import { FetchedBatch } from './batch.ts'
import { beatForUser, pauseForUser } from './each-message.ts'
import type { Runner } from './runner.ts'

/** @param records what the batch was decoded from */
export async function handleEachBatch(
  runner: Runner,
  eachBatch: EachBatchHandler,
  batch: FetchedBatch,
  records: readonly RecordBatch[],
): Promise<void> {
  const { group, options } = runner
  const { handlers } = options
  const { transport } = options.context
  const { topic, partition } = batch
  const fact = {
    groupId: group.groupId,
    memberId: group.memberId ?? '',
    topic,
    partition,
    firstOffset: FetchedBatch.offsetAt(batch, 0),
    lastOffset: FetchedBatch.lastVisibleOffset(batch),
  }

  handlers.enter()
  transport.note({ type: 'handler.start', ...fact })
  const handed = transport.recorder?.handing({
    group: fact.groupId,
    member: fact.memberId,
    topic,
    partition,
    offsets: FetchedBatch.visibleOffsets(batch),
    batches: records,
    readUncommitted: options.isolationLevel === READ_UNCOMMITTED,
  })
  try {
    await eachBatch(createPayload(runner, batch, handed))
  } catch (error) {
    const { message, stack } = viewError(error)
    transport.note({ type: 'handler.error', ...fact, error: message })
    handed?.end(false)
    handlers.leave()
    if (!isKafkaJSError(error)) {
      runner.logger.error('Error when calling eachBatch', {
        topic,
        partition,
        offset: batch.firstOffset(),
        stack,
        error,
      })
    }
    // What the handler resolved before it failed counts.
    await runner.commitResolved()
    throw error
  }
  transport.note({ type: 'handler.done', ...fact })
  handed?.end(true)
  handlers.leave()

  if (options.eachBatchAutoResolve) group.offsets.resolve(topic, partition, FetchedBatch.lastOffsetAsNumber(batch))
}

function createPayload(runner: Runner, batch: FetchedBatch, handed: RecordedHandler | undefined): EachBatchPayload {
  const { group, options } = runner
  const { transport } = options.context
  const { topic, partition } = batch
  const lastVisible = FetchedBatch.lastVisibleOffset(batch)

  const commit = (offsets: OffsetsShape | undefined): Promise<void> | undefined => {
    if (!offsets) return runner.watchCommit(group.offsets.commitIfDue())
    const { topics } = offsets as Partial<OffsetsShape>
    return topics === undefined
      ? runner.watchCommit(group.offsets.commitResolved())
      : runner.commitNow(toOffsetsToCommit(topics))
  }

  return {
    // Its fields are what kafkajs's are at run time; its types say less.
    batch: batch as unknown as Batch,
    resolveOffset: (given) => {
      const offset = parseInt64(given)
      // kafkajs fails with BigInt's SyntaxError here.
      if (offset === undefined) throw new SyntaxError(`Cannot convert ${String(given)} to a BigInt`)
      handed?.resolved(offset)
      // KJ9: a control record behind the last visible message is resolved with it, or the consumer would never pass it.
      group.offsets.resolve(topic, partition, offset === lastVisible ? FetchedBatch.lastOffsetAsNumber(batch) : offset)
    },
    heartbeat: beatForUser(runner),
    pause: pauseForUser(runner, topic, partition),
    commitOffsetsIfNecessary: async (offsets) => {
      const committing = commit(offsets)
      if (committing !== undefined) await inCall(transport, 'consumer.commitOffsetsIfNecessary', () => committing)
    },
    uncommittedOffsets: () => group.offsets.uncommitted(),
    isRunning: () => runner.isRunning,
    isStale: () => group.isStale(topic, partition),
  }
}
