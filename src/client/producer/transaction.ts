/** The object `producer.transaction()` resolves to (kafkajs's). */
import { inCall } from '../call.ts'
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import { parseInt64 } from '../int64.ts'
import type { WatchOptions } from '../known-options.ts'
import type { CommittedOffsets } from '../metadata/committed-offsets.ts'
import type { OffsetToCommit } from '../network/group-requests.ts'
import type { Transport } from '../transport.ts'
import type { Sender, Transaction, TransactionOffsets } from '../types/clients.ts'
import { ended, type Ongoing, type TransactionManager } from './transaction-manager.ts'

export interface TransactionOptions {
  readonly transport: Transport
  readonly watchOptions: WatchOptions
  readonly manager: TransactionManager
  readonly ongoing: Ongoing
  readonly sender: Sender
  readonly committedOffsets: CommittedOffsets
  /** Not called while the outcome is unknown. */
  readonly onEnded: (committed: boolean) => void
}

export function createTransaction({
  transport,
  watchOptions,
  manager,
  ongoing,
  sender,
  committedOffsets,
  onEnded,
}: TransactionOptions): Transaction {
  let didEnd = false
  const isActive = () => manager.isInTransaction() && !didEnd

  function guarded<Args extends unknown[], T>(body: (...args: Args) => Promise<T>): (...args: Args) => Promise<T> {
    return async (...args) => {
      if (!isActive()) throw ended()
      return body(...args)
    }
  }

  const end = (committed: boolean) =>
    guarded(() =>
      inCall(transport, committed ? 'transaction.commit' : 'transaction.abort', async () => {
        await manager.end(ongoing, committed)
        didEnd = true
        onEnded(committed)
      }),
    )

  async function sendOffsets(offsets: TransactionOffsets): Promise<void> {
    watchOptions('transaction.sendOffsets', offsets)
    const { consumerGroupId, topics: given, groupMetadata } = offsets
    if (!consumerGroupId) throw new KafkaJSNonRetriableError('Missing consumerGroupId')
    if (!given) throw new KafkaJSNonRetriableError('Missing offset topics')
    if (groupMetadata !== undefined && groupMetadata.groupId !== consumerGroupId) {
      throw new KafkaJSNonRetriableError(
        `The group metadata is of group "${groupMetadata.groupId}", not of "${consumerGroupId}"`,
      )
    }
    if (!Array.isArray(given)) throw badTopics(given)
    const topics = given.map(toCommit)
    await inCall(transport, 'transaction.sendOffsets', () =>
      manager.sendOffsets(ongoing, consumerGroupId, topics, groupMetadata),
    )
    // Before the commit, as in kafkajs, and after an abort, too (KJ13).
    for (const { topic, partitions } of topics) {
      for (const { partition, offset } of partitions) committedOffsets.mark(consumerGroupId, topic, partition, offset)
    }
  }

  return {
    send: guarded(sender.send),
    sendBatch: guarded(sender.sendBatch),
    sendOffsets: guarded(sendOffsets),
    commit: end(true),
    abort: end(false),
    isActive,
  }
}

function badTopics(given: unknown): KafkaJSNonRetriableError {
  return new KafkaJSNonRetriableError(
    `Invalid offset topics, expected [{ topic, partitions: [{ partition, offset }] }] received ${JSON.stringify(given)}`,
  )
}

function toCommit(given: TransactionOffsets['topics'][number]): OffsetToCommit {
  const { topic, partitions } = given ?? {}
  if (typeof topic !== 'string' || !Array.isArray(partitions)) throw badTopics([given])
  return {
    topic,
    partitions: partitions.map(({ partition, offset, metadata = null }) => {
      const parsed = parseInt64(offset)
      if (parsed === undefined) {
        throw new KafkaJSNonRetriableError(`Invalid offset, expected a long received ${String(offset)}`)
      }
      return { partition, offset: parsed, metadata }
    }),
  }
}
