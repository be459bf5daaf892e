/** TransactionsCommand.FindHangingTransactionsCommand: what partitions say is open and coordinators do not know. */
import { viewError } from '../errors/classify.ts'
import type { HangingTransaction, TransactionDescription } from '../types/admin-transactions.ts'
import type { TransactionQueries } from './transactions.ts'

export interface HangingSearch {
  readonly topics: readonly string[]
  /** Of every topic; without it all of each. */
  readonly partitions: readonly number[] | undefined
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  readonly maxTransactionTimeoutMs: number
}

export async function findHangingTransactions(
  queries: TransactionQueries,
  search: HangingSearch,
): Promise<HangingTransaction[]> {
  const candidates = await openForLong(queries, search)
  if (candidates.length === 0) return []
  const producerIds = [...new Set(candidates.map(({ producerId }) => Number(producerId)))]
  const listed = new Map(
    (await queries.list({ producerIds })).map(({ producerId, transactionalId }) => [producerId, transactionalId]),
  )
  const described = new Map<string, TransactionDescription | null>()
  for (const id of listed.values()) described.set(id, await describeIfKnown(queries, id))
  return candidates
    .map((candidate) => ({ ...candidate, transactionalId: listed.get(candidate.producerId) ?? null }))
    .filter(({ transactionalId, topic, partition }) => {
      const description = transactionalId === null ? null : (described.get(transactionalId) ?? null)
      // A coordinator that names the partition is going to write its marker, sooner or later.
      return !description?.topicPartitions.some(
        (known) => known.topic === topic && known.partitions.includes(partition),
      )
    })
}

type Candidate = Omit<HangingTransaction, 'transactionalId'>

async function openForLong(queries: TransactionQueries, search: HangingSearch): Promise<Candidate[]> {
  const { topics, partitions, now, maxTransactionTimeoutMs } = search
  const found: Candidate[] = []
  for (const topic of topics) {
    for (const { partition, activeProducers } of await queries.producers(
      topic,
      partitions ?? (await queries.partitionsOf(topic)),
    )) {
      for (const producer of activeProducers) {
        const { currentTransactionStartOffset, lastTimestamp } = producer
        const durationMs = now() - Number(lastTimestamp)
        if (currentTransactionStartOffset === null || durationMs <= maxTransactionTimeoutMs) continue
        found.push({ topic, partition, ...producer, currentTransactionStartOffset, durationMs })
      }
    }
  }
  return found
}

async function describeIfKnown(queries: TransactionQueries, id: string): Promise<TransactionDescription | null> {
  try {
    return await queries.describe(id)
  } catch (error) {
    if (viewError(error).type === 'TRANSACTIONAL_ID_NOT_FOUND') return null
    throw error
  }
}
