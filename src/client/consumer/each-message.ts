/** The loop around `eachMessage` (KJ7, KJ8). It waits for the user's promise and, unless something is due, for nothing else. */
import { inCall } from '../call.ts'
import { isKafkaJSError, viewError } from '../errors/classify.ts'
import type { EachMessageHandler } from '../types/messages.ts'
import { FetchedBatch } from './batch.ts'
import type { FetchedMessage } from './messages.ts'
import type { Runner } from './runner.ts'

export async function handleEachMessage(
  runner: Runner,
  eachMessage: EachMessageHandler,
  batch: FetchedBatch,
): Promise<void> {
  const { group, options } = runner
  const { transport } = options.context
  const { handlers } = options
  const { topic, partition } = batch
  const { groupId } = group
  const heartbeat = beatForUser(runner)
  const pause = pauseForUser(runner, topic, partition)

  const { messages } = batch
  // One object for all its facts: whoever is told copies what it keeps.
  const fact = { groupId, memberId: '', topic, partition, firstOffset: 0, lastOffset: 0 }
  const started = { type: 'handler.start' as const, ...fact }
  const done = { type: 'handler.done' as const, ...fact }
  for (let i = 0; i < messages.length; i += 1) {
    if (!runner.isRunning || group.isStale(topic, partition)) break
    const message = messages[i] as FetchedMessage
    const offset = FetchedBatch.offsetAt(batch, i)
    const memberId = group.memberId ?? ''

    handlers.enter()
    started.memberId = done.memberId = memberId
    started.firstOffset = started.lastOffset = done.firstOffset = done.lastOffset = offset
    transport.note(started)
    try {
      await eachMessage({ topic, partition, message, heartbeat, pause })
    } catch (error) {
      const { message: text, stack } = viewError(error)
      transport.note({
        type: 'handler.error',
        groupId,
        memberId,
        topic,
        partition,
        firstOffset: offset,
        lastOffset: offset,
        error: text,
      })
      handlers.leave()
      if (!isKafkaJSError(error)) {
        runner.logger.error('Error when calling eachMessage', {
          topic,
          partition,
          offset: message.offset,
          stack,
          error,
        })
      }
      // What was handled before must not be handled again because of this one.
      await runner.commitResolved()
      throw error
    }
    transport.note(done)
    handlers.leave()

    group.offsets.resolve(topic, partition, offset)
    const beat = runner.heartbeat()
    if (beat !== undefined) await beat
    const commit = runner.commitIfDue()
    if (commit !== undefined) await commit
    if (group.subscription.isPaused(topic, partition)) break
  }
}

/** `heartbeat()` as handlers get it: an open call only if a request is really sent. */
export function beatForUser(runner: Runner): () => Promise<void> {
  return async () => {
    const beat = runner.heartbeat()
    if (beat !== undefined) await inCall(runner.options.context.transport, 'consumer.heartbeat', () => beat)
  }
}

/** `pause()` as handlers get it. */
export function pauseForUser(runner: Runner, topic: string, partition: number): () => () => void {
  const where = [{ topic, partitions: [partition] }]
  return () => {
    runner.group.subscription.pause(where)
    return () => {
      runner.group.subscription.resume(where)
      runner.fetchesSoon()
    }
  }
}
