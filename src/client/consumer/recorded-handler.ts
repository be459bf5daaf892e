/** An `eachMessage` handler in a recorded run: the same one, with the recorder told of every call. */
import type { ClientRecorder } from '../../protocol/recorder.ts'
import type { EachMessageHandler } from '../types/messages.ts'
import type { FetchedPartition } from './batch.ts'
import type { GroupMembership } from './group.ts'

/** It returns the very promise that is waited for, so nothing runs later than without it. */
export function recordedHandler(
  recorder: ClientRecorder,
  group: GroupMembership,
  eachMessage: EachMessageHandler,
  { topic, partition, records }: FetchedPartition,
  readUncommitted: boolean,
): EachMessageHandler {
  return (payload) => {
    const about = {
      group: group.groupId,
      member: group.memberId ?? '',
      topic,
      partition,
      batches: records,
      readUncommitted,
    }
    const handed = recorder.handing({ ...about, offsets: [Number(payload.message.offset)] })
    try {
      // A promise made once: what a handler returns may do its work anew at every `then`.
      const work = Promise.resolve(eachMessage(payload))
      work.then(
        () => handed.end(true),
        () => handed.end(false),
      )
      return work
    } catch (error) {
      handed.end(false)
      throw error
    }
  }
}
