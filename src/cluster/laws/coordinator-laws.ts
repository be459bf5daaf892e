/** Laws of transactions beyond one broker: who owns a transactional id, and what is open that nobody would end. */
import { COORDINATOR_LAWS, type TransactionFact, transactionScopes } from '../../broker/laws/transaction-laws.ts'
import { TRANSACTION_TOPIC } from '../../broker/metadata.ts'
import { transactionPartition } from '../../broker/transactions/shard.ts'
import type { Transaction } from '../../broker/transactions/transaction.ts'
import { type Fact, firstViolation } from '../../kernel/index.ts'
import type { NodeRuntime, World } from '../world.ts'
import { type Ledger, ledgerOf } from './ledger.ts'
import { perPartition } from './replica-laws.ts'

export const OWNER_LAW = {
  id: 'T4',
  sentence:
    'A transactional id has one producer at a time, whichever broker coordinates it: its epoch never goes back, and no former producer id comes back.',
} as const

/** After a broker's decision: notes the first violation in the ledger, and remembers what its transactions are now. */
export function checkTransactions(world: World, { broker }: NodeRuntime, facts: readonly Fact[]): void {
  const { ledger } = world
  const { touched } = broker
  if (touched === null || (touched.transactions.size === 0 && !facts.some(({ type }) => type === 'transaction'))) return
  const known = ledger.transactions
  for (const scope of transactionScopes(broker, facts, (shard, id) => known.get(shard)?.get(id))) {
    const { shard, id, now } = scope
    ledger.violation ??= firstViolation(COORDINATOR_LAWS, scope)
    for (const fact of scope.facts) noteTransaction(world, shard.partition, fact)
    const ofShard = known.get(shard) ?? new Map<string, Transaction>()
    known.set(shard, ofShard)
    if (now === undefined) ofShard.delete(id)
    else ofShard.set(id, now)
  }
  touched.transactions.clear()
}

/** Law T4 over what was told; and where something ends, its partitions are to be looked at. */
function noteTransaction(world: World, partition: number, fact: TransactionFact): void {
  const { ledger, controller } = world
  const topic = controller.image.topics.get(TRANSACTION_TOPIC)
  // [U]
  const isSafe = topic !== undefined && ledgerOf(ledger, topic.id, partition).unsafe === null
  const broken = isSafe ? ownerProblem(ledger, fact) : null
  if (broken !== null) ledger.violation ??= { law: OWNER_LAW.id, sentence: OWNER_LAW.sentence, detail: broken }
  const { transactionalId: id, producerId, epoch, partitions } = fact
  const before = ledger.owners.get(id)
  const former = before?.former ?? new Set<number>()
  if (before !== undefined && before.producerId !== producerId) former.add(before.producerId)
  ledger.owners.set(id, { producerId, epoch, partitions, former })
  ledger.producers.set(producerId, id)
  if (fact.to.startsWith('Complete')) for (const name of before?.partitions ?? []) ledger.decided.add(name)
}

/** What is wrong with a producer that a transactional id has now, or null. */
export function ownerProblem(
  { owners, producers }: Pick<Ledger, 'owners' | 'producers'>,
  { transactionalId: id, producerId, epoch }: TransactionFact,
): string | null {
  const other = producers.get(producerId)
  if (other !== undefined && other !== id) return `producer ${producerId} is that of ${other}, and of ${id}`
  const owner = owners.get(id)
  if (owner === undefined) return null
  if (owner.former.has(producerId)) return `transactional id ${id} is that of producer ${producerId} again`
  return owner.producerId === producerId && epoch < owner.epoch
    ? `transactional id ${id} went from epoch ${owner.epoch} back to ${epoch}`
    : null
}

/** Where leaders ask the coordinator before they take the first record of a transaction. */
export const VERIFICATION_LAWS = [
  perPartition(
    'T6',
    'Where leaders verify (KIP-890), no transaction is open in a partition that its coordinator has not open there: none hangs.',
    ({ name, current, ledger }, world) => {
      if (current === undefined || ledger.unsafe !== null || !current.node.broker.switches.txnVerification) return null
      for (const [firstOffset, producerId] of current.log.transactions.open) {
        if (isCoordinated(world, producerId, name) === false)
          return `producer ${producerId} has a transaction open from ${firstOffset} on, and no coordinator has it`
      }
      return null
    },
  ),
]

/** Whether a coordinator would end what a producer has open in a partition; null = that cannot be told now. */
export function isCoordinated(world: World, producerId: number, name: string): boolean | null {
  const topic = world.controller.image.topics.get(TRANSACTION_TOPIC)
  const id = world.ledger.producers.get(producerId)
  if (topic === undefined || id === undefined) return false
  const [node] = world.nodes.values()
  const partition = node === undefined ? -1 : transactionPartition(node.broker, id)
  const info = topic.partitions[partition]
  const shard = world.nodes.get(info?.leader ?? -1)?.broker.transactions.shards.get(partition)
  if (shard === undefined || ledgerOf(world.ledger, topic.id, partition).unsafe !== null) return null
  const transaction = shard.transactions.get(id)
  // Before it is forgotten, or gets another producer id, everything has its marker.
  if (transaction?.producerId !== producerId) return false
  const { state, partitions } = transaction
  const isOpen = state === 'Ongoing' || state === 'PrepareCommit' || state === 'PrepareAbort'
  return isOpen && partitions.includes(name)
}
