/** Laws about transactions, as far as the logs of one partition tell. */
import { findBatch, lastStableOffset, type PartitionLog } from '../../broker/index.ts'
import type { RecordBatch } from '../../protocol/batch.ts'
import { isControl, isTransactional, lastOffsetOf, readTransactionMarker } from '../../protocol/records.ts'
import { perPartition, type ReplicaView } from './replica-laws.ts'

export const TRANSACTION_LAWS = [
  perPartition(
    'L8',
    'The last stable offset is at most the high watermark and before every open transaction; while a leader leads it never goes back.',
    ({ replicas }) => {
      for (const { node, log, leader, before } of replicas) {
        const stable = lastStableOffset(log)
        const where = `broker ${node.id} has a last stable offset of ${stable}`
        if (stable > log.highWatermark) return `${where}, and a high watermark of ${log.highWatermark}`
        for (const first of log.transactions.open.keys())
          if (stable > Math.max(first, log.logStartOffset)) return `${where}, and a transaction open from ${first} on`
        if (leader !== undefined && before?.leadingEpoch === leader.epoch && stable < before.lastStableOffset)
          return `${where}, and had one of ${before.lastStableOffset}`
      }
      return null
    },
  ),
  perPartition(
    'T2',
    'A marker is of the epoch of the records it ends or of a later one, and of no earlier coordinator than its producer’s last one.',
    (partition) => firstOf(partition.replicas, partition.compacted, 'T2'),
  ),
  perPartition(
    'T3',
    'Which transactions are open in a partition, and which were aborted, follows from its log: every replica knows these and no others.',
    (partition) => firstOf(partition.replicas, partition.compacted, 'T3'),
  ),
  perPartition(
    'T7',
    'While a producer has a transaction open in a partition it writes nothing there that is not part of it.',
    (partition) => firstOf(partition.replicas, partition.compacted, 'T7'),
  ),
]

/** What the batches of a log say, read once; a log that was cut or compacted is read anew. */
interface TransactionsRead {
  /** Where reading goes on, and the batch before that. */
  upTo: number
  last: RecordBatch | undefined
  /** It began where the log does not: what is missing cannot be told. */
  partial: boolean
  readonly open: Map<number, { readonly firstOffset: number; readonly epoch: number }>
  aborted: { readonly producerId: number; readonly firstOffset: number; readonly lastOffset: number }[]
  readonly coordinators: Map<number, number>
  readonly broken: Map<TransactionLaw, string>
}

type TransactionLaw = 'T2' | 'T3' | 'T7'

const readings = new WeakMap<PartitionLog, TransactionsRead>()

function firstOf(replicas: readonly ReplicaView[], compacted: boolean, law: TransactionLaw): string | null {
  for (const { node, log } of replicas) {
    // Most logs never see a producer id.
    if (log.producers.entries.size === 0 && !readings.has(log)) continue
    const read = readOn(log)
    const found =
      read.broken.get(law) ?? (law === 'T3' && node.up && !read.partial ? tableProblem(log, read, compacted) : null)
    if (found !== null) return `broker ${node.id}: ${found}`
  }
  return null
}

function readOn(log: PartitionLog): TransactionsRead {
  let read = readings.get(log)
  if (read?.upTo === log.logEndOffset && read.last === log.batches[log.batches.length - 1]) return read
  if (read === undefined || !isWhereItWas(log, read)) {
    read = begun(log)
    readings.set(log, read)
  }
  for (let i = findBatch(log, read.upTo); i < log.batches.length; i++) {
    const batch = log.batches[i] as RecordBatch
    if (batch.producerId >= 0) readBatch(read, batch)
    read.last = batch
  }
  read.upTo = log.logEndOffset
  return read
}

function isWhereItWas(log: PartitionLog, { upTo, last }: TransactionsRead): boolean {
  if (upTo > log.logEndOffset) return false
  if (last === undefined) return (log.batches[0]?.baseOffset ?? upTo) >= upTo
  return log.batches[findBatch(log, lastOffsetOf(last))] === last
}

function begun({ batches, logEndOffset }: PartitionLog): TransactionsRead {
  const upTo = batches[0]?.baseOffset ?? logEndOffset
  return {
    upTo,
    last: undefined,
    partial: upTo > 0,
    open: new Map(),
    aborted: [],
    coordinators: new Map(),
    broken: new Map(),
  }
}

function readBatch(read: TransactionsRead, batch: RecordBatch): void {
  const { producerId, producerEpoch: epoch, baseOffset } = batch
  const open = read.open.get(producerId)
  if (!isControl(batch)) {
    if (isTransactional(batch)) read.open.set(producerId, { firstOffset: open?.firstOffset ?? baseOffset, epoch })
    else if (open !== undefined)
      read.broken.set(
        'T7',
        `producer ${producerId} has a transaction open from ${open.firstOffset} on, and writes ${baseOffset} outside`,
      )
    return
  }
  const marker = readTransactionMarker(batch)
  if (marker === null) return
  if (open !== undefined && epoch < open.epoch)
    read.broken.set('T2', `the marker at ${baseOffset} is of epoch ${epoch}, it ends records of epoch ${open.epoch}`)
  const coordinator = read.coordinators.get(producerId) ?? -1
  if (marker.coordinatorEpoch < coordinator)
    read.broken.set(
      'T2',
      `the marker at ${baseOffset} is of coordinator epoch ${marker.coordinatorEpoch}, after ${coordinator}`,
    )
  read.coordinators.set(producerId, marker.coordinatorEpoch)
  read.open.delete(producerId)
  if (open !== undefined && marker.type === 'ABORT')
    read.aborted.push({ producerId, firstOffset: open.firstOffset, lastOffset: baseOffset })
}

function tableProblem(
  { transactions, segments }: PartitionLog,
  read: TransactionsRead,
  compacted: boolean,
): string | null {
  for (const [producerId, { firstOffset }] of read.open) {
    if (transactions.open.get(firstOffset) !== producerId)
      return `it does not know that producer ${producerId} has a transaction open from ${firstOffset} on`
  }
  if (transactions.open.size > read.open.size)
    return `it holds ${transactions.open.size} transactions as open, its log has ${read.open.size}`
  if (compacted) return null
  const start = segments[0]?.baseOffset ?? 0
  if ((read.aborted[0]?.lastOffset ?? start) < start)
    read.aborted = read.aborted.filter(({ lastOffset }) => lastOffset >= start)
  const aborted = read.aborted.at(-1)
  const known = transactions.aborted.at(-1)
  const same =
    known?.producerId === aborted?.producerId &&
    known?.firstOffset === aborted?.firstOffset &&
    known?.lastOffset === aborted?.lastOffset
  if (same && transactions.aborted.length === read.aborted.length) return null
  return `its log has ${read.aborted.length} aborted transactions, it knows of ${transactions.aborted.length}`
}
