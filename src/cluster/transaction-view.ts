/** The read model of transactions: as their coordinators have them, and as partitions do. Copies only (law K6). */
import {
  findBatch,
  type PartitionLog,
  partitionOfTransaction,
  TRANSACTION_TOPIC,
  type Transaction,
} from '../broker/index.ts'
import type { OpenTransactionView, TransactionView } from './view.ts'
import type { World } from './world.ts'

export function transactionViews(world: World): TransactionView[] {
  return [...coordinated(world)].map(({ node, transaction }) => ({
    transactionalId: transaction.id,
    producerId: transaction.producerId,
    epoch: transaction.epoch,
    state: transaction.state,
    pending: transaction.pending,
    partitions: transaction.partitions.map(partitionOfTransaction),
    startedAt: transaction.startedAt < 0 ? null : transaction.startedAt,
    timeoutMs: transaction.timeoutMs,
    coordinator: node,
  }))
}

interface Coordinated {
  readonly node: number
  readonly transaction: Transaction
}

/** Where a former coordinator still believes it is one, the one that leads counts. */
function coordinated(world: World): Iterable<Coordinated> {
  const leaders = world.controller.image.topics.get(TRANSACTION_TOPIC)?.partitions ?? []
  const found = new Map<string, Coordinated>()
  for (const { id: node, up, broker } of world.nodes.values()) {
    if (!up) continue
    for (const { partition, transactions } of broker.transactions.shards.values()) {
      const leads = leaders[partition]?.leader === node
      for (const transaction of transactions.values()) {
        if (leads || !found.has(transaction.id)) found.set(transaction.id, { node, transaction })
      }
    }
  }
  return found.values()
}

/** What keeps the last stable offset of a log where it is, by first offset. */
export function openTransactions(world: World, log: PartitionLog): OpenTransactionView[] {
  const { open, unreplicated } = log.transactions
  // Most logs have none, and every frame asks.
  if (open.size === 0 && unreplicated.length === 0) return []
  const known = new Map([...coordinated(world)].map(({ transaction }) => [transaction.producerId, transaction]))
  const name = `${log.topic}-${log.partition}`
  const everywhere = everyCoordinatorKnown(world)
  const of = (producerId: number, firstOffset: number, ended: boolean): OpenTransactionView => {
    const transaction = known.get(producerId)
    const expected = transaction?.partitions.includes(name) === true
    return {
      producerId,
      producerEpoch: log.producers.entries.get(producerId)?.epoch ?? -1,
      transactionalId: transaction?.id ?? null,
      firstOffset,
      since: expected && transaction.startedAt >= 0 ? transaction.startedAt : writtenAt(log, firstOffset),
      ended,
      hangs: !ended && !expected && (transaction !== undefined || everywhere),
    }
  }
  return [
    ...unreplicated.map(({ producerId, firstOffset }) => of(producerId, firstOffset, true)),
    ...[...open].map(([firstOffset, producerId]) => of(producerId, firstOffset, false)),
  ].sort((a, b) => a.firstOffset - b.firstOffset)
}

/** Otherwise the one that is not may know it. */
function everyCoordinatorKnown(world: World): boolean {
  const topic = world.controller.image.topics.get(TRANSACTION_TOPIC)
  if (topic === undefined) return true
  return topic.partitions.every(({ leader, partition }) => {
    const node = world.nodes.get(leader)
    return node?.up === true && node.broker.transactions.shards.has(partition)
  })
}

/** When the batch with this offset was written, by its own timestamp. Virtual milliseconds since the Unix epoch. */
export function writtenAt(log: PartitionLog, offset: number): number {
  return log.batches[findBatch(log, offset)]?.maxTimestamp ?? 0
}
