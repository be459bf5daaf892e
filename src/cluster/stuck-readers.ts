/**
 * Why a read_committed consumer gets nothing though records are there: a transaction that is open before them, or one that was aborted.
 * Lines of errors about waits in vain. kafkajs's consumers are read_committed unless told otherwise.
 */
import { isInternal, lastStableOffset, type PartitionLog } from '../broker/index.ts'
import { durationText } from './duration.ts'
import { groupViews } from './group-view.ts'
import { leaderLog } from './leader-log.ts'
import type { ReadOptions } from './readable.ts'
import { openTransactions, transactionViews, writtenAt } from './transaction-view.ts'
import type { OpenTransactionView, TransactionView } from './view.ts'
import type { World } from './world.ts'

/** Lines of each kind in an error. */
const MOST_LINES = 3

/** Whom a partition's records are kept from. */
interface Reading {
  readonly log: PartitionLog
  /** Groups with a member that has it. */
  readonly groups: readonly string[]
}

/** A wait behind a transaction: where and whose, and what to do about it. */
interface StuckReader {
  readonly what: string
  readonly wayOut: string
}

/** One a partition, by topic and partition. */
function stuckReaders(world: World): StuckReader[] {
  const transactions = transactionViews(world)
  return readings(world).flatMap(({ log, groups }) =>
    stuckAt(world, log, groups.length === 0 ? 'a consumer' : groupsText(groups), transactions),
  )
}

function stuckAt(
  world: World,
  log: PartitionLog,
  reader: string,
  transactions: readonly TransactionView[],
): StuckReader[] {
  const stable = lastStableOffset(log)
  const [first] = openTransactions(world, log)
  if (first === undefined || stable >= log.highWatermark) return []
  const known = transactions.find(({ transactionalId }) => transactionalId === first.transactionalId)
  return [
    {
      what:
        `${reader} reads committed records only and waits at ${log.topic}-${log.partition} before offset ${stable}, though the log end offset is ` +
        `${log.logEndOffset}: ${nameOf(first)} is open there for ${durationText(Math.max(0, world.now - first.since))}.`,
      wayOut: wayOut(log, first, known, world.now),
    },
  ]
}

/** The same, and what was aborted, as lines of an error. */
export function stuckReaderLines(world: World): string {
  const stuck = stuckReaders(world).map(({ what, wayOut }) => `  ${what}\n    ${wayOut}\n`)
  const aborted = describeAborted(world).map((line) => `  ${line}\n`)
  return [...firstOf(stuck), ...firstOf(aborted)].join('')
}

/** One of many partitions says enough. */
function firstOf(lines: readonly string[]): string[] {
  const left = lines.length - MOST_LINES
  return left <= 0 ? [...lines] : [...lines.slice(0, MOST_LINES), `  and so in ${left} more partition(s)\n`]
}

/** The same in one piece: the first one, and how many there are besides. */
export function stuckReaderText(world: World): string {
  return inOnePiece(stuckReaders(world))
}

/** Why `topic.next()` finds nothing though the log has more, in the same form. */
export function heldUpText(world: World, topic: string, { readUncommitted = false }: ReadOptions): string {
  if (readUncommitted || isInternal(topic)) return ''
  const transactions = transactionViews(world)
  const logs = (world.controller.image.topics.get(topic)?.partitions ?? []).flatMap(
    ({ partition }) => leaderLog(world, topic, partition) ?? [],
  )
  const stuck = logs.flatMap((log) => stuckAt(world, log, 'this call', transactions))
  const [aborted] = logs.flatMap((log) => abortedAt(log, 'this call', transactions))
  const text = inOnePiece(stuck) || unreplicated(logs) || (aborted === undefined ? '' : ` ${capitalized(aborted)}`)
  return text === '' ? '' : `${text} With { readUncommitted: true } it gives all records.`
}

function unreplicated(logs: readonly PartitionLog[]): string {
  const log = logs.find(({ highWatermark, logEndOffset }) => highWatermark < logEndOffset)
  if (log === undefined) return ''
  return ` ${log.topic}-${log.partition} has records from offset ${log.highWatermark} on that are not replicated yet.`
}

function capitalized(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}

function inOnePiece([first, ...others]: readonly StuckReader[]): string {
  if (first === undefined) return ''
  const { what, wayOut } = first
  const more = others.length === 0 ? '' : ` So it is in ${others.length} more partition(s).`
  return ` ${capitalized(what)} ${wayOut}${more}`
}

function nameOf({ transactionalId, producerId, producerEpoch }: OpenTransactionView): string {
  const producer = `producer id ${producerId}, epoch ${producerEpoch}`
  return transactionalId === null
    ? `a transaction of ${producer}, that no transactional id has,`
    : `the transaction of "${transactionalId}" (${producer})`
}

function wayOut(
  { topic, partition }: PartitionLog,
  { ended, hangs, producerId, producerEpoch }: OpenTransactionView,
  known: TransactionView | undefined,
  now: number,
): string {
  if (ended) return 'Its marker is written and not replicated yet: are enough replicas in sync?'
  if (hangs) {
    const spec = `{ topic: '${topic}', partition: ${partition}, producerId: '${producerId}', producerEpoch: ${producerEpoch} }`
    return `It hangs: no coordinator is going to end it, admin.abortTransaction(${spec}) does.`
  }
  if (known === undefined) return 'Its coordinator cannot be asked now: it is down, or loads.'
  const { transactionalId, state, startedAt, timeoutMs, coordinator } = known
  if (state !== 'Ongoing') return `It is ${state}: its marker is still to come from broker ${coordinator}.`
  const left = (startedAt ?? now) + timeoutMs - now
  const due = left > 0 ? `, in ${durationText(left)} of virtual time` : ', which is over'
  return (
    `Commit or abort it, or call admin.fenceProducers(['${transactionalId}']). Its coordinator aborts it after its transactionTimeout of ` +
    `${durationText(timeoutMs)}${due}; a shorter one ends it sooner.`
  )
}

/** Of each partition that somebody reads the transaction that was aborted last. */
function describeAborted(world: World): string[] {
  const transactions = transactionViews(world)
  return readings(world).flatMap(({ log, groups }) =>
    groups.length === 0 ? [] : abortedAt(log, groupsText(groups), transactions),
  )
}

function abortedAt(log: PartitionLog, reader: string, transactions: readonly TransactionView[]): string[] {
  const { aborted } = log.transactions
  const last = aborted.at(-1)
  if (last === undefined) return []
  const { producerId, firstOffset, lastOffset } = last
  const known = transactions.find((transaction) => transaction.producerId === producerId)
  const whose = known === undefined ? `producer id ${producerId}` : `transactional id "${known.transactionalId}"`
  const openFor = writtenAt(log, lastOffset) - writtenAt(log, firstOffset)
  const late =
    known !== undefined && openFor >= known.timeoutMs
      ? ` It was open for longer than its transactionTimeout of ${durationText(known.timeoutMs)}.`
      : ''
  const others = aborted.length === 1 ? '' : `, nor what ${aborted.length - 1} before it did`
  return [
    `${reader} never sees what ${whose} wrote to ${log.topic}-${log.partition} from offset ${firstOffset} on${others}: ` +
      `the transaction was aborted at offset ${lastOffset}.${late}`,
  ]
}

function readings(world: World): Reading[] {
  const groups = new Map<string, string[]>()
  for (const { id, members } of groupViews(world)) {
    for (const { topic, partition } of members.flatMap(({ assignment }) => assignment)) {
      const key = `${topic}-${partition}`
      groups.set(key, [...(groups.get(key) ?? []), id])
    }
  }
  const fetches = parkedFetches(world)
  const found: Reading[] = []
  for (const topic of world.controller.image.topics.values()) {
    if (isInternal(topic.name)) continue
    for (const { partition } of topic.partitions) {
      const key = `${topic.name}-${partition}`
      const owners = groups.get(key) ?? []
      const parked = fetches.get(key)
      // Who reads uncommitted records waits for none; between two fetches nobody says which it is.
      if (parked === 'uncommitted' || (parked === undefined && owners.length === 0)) continue
      const log = leaderLog(world, topic.name, partition)
      if (log !== undefined) found.push({ log, groups: owners })
    }
  }
  return found
}

/** What the long polls of each partition that wait at brokers want; where some want this and some that, committed records. */
function parkedFetches(world: World): Map<string, 'committed' | 'uncommitted'> {
  const found = new Map<string, 'committed' | 'uncommitted'>()
  for (const { up, broker } of world.nodes.values()) {
    if (!up) continue
    for (const { request } of broker.parkedFetches.values()) {
      for (const { topic, partition } of request.partitions) {
        const key = `${topic}-${partition}`
        if (request.committedOnly) found.set(key, 'committed')
        else if (!found.has(key)) found.set(key, 'uncommitted')
      }
    }
  }
  return found
}

function groupsText(groups: readonly string[]): string {
  return groups.length === 1 ? `group ${groups[0]}` : `each of the groups ${groups.join(', ')}`
}
