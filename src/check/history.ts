/** A history as the classes look at it: the same data, found by send, by place and by group. */
import type {
  CommitOp,
  HandledOp,
  History,
  MoveOp,
  PartitionEnd,
  ReadOp,
  SendOp,
  StoredRecord,
} from '../kernel/index.ts'

/** What the history cannot know; each has the cautious default. */
export interface CheckSetting {
  /** Readers had the time to read everything: what nobody read is `unseen`. Default false: only what was passed over is. */
  readonly finalPolls?: boolean
  /**
   * A handler of a batch that called `resolveOffset` and then died had done the work, as the call says. Default true; false
   * finds handlers that resolve before they work.
   */
  readonly resolvedIsHandled?: boolean
}

/** A topic's partition with everything about it. */
export interface PartitionHistory {
  readonly topic: string
  readonly partition: number
  readonly end: PartitionEnd
  readonly sends: SendOp[]
  readonly stored: StoredRecord[]
  readonly reads: ReadOp[]
}

/** What one group did in one partition. */
export interface GroupPartition {
  readonly group: string
  readonly partition: PartitionHistory
  readonly handled: HandledOp[]
  readonly commits: CommitOp[]
  readonly moves: MoveOp[]
}

export interface IndexedHistory {
  readonly setting: Required<CheckSetting>
  /** Whether `stored` says what the logs hold. */
  readonly knowsLogs: boolean
  readonly sends: ReadonlyMap<number, SendOp>
  readonly partitions: readonly PartitionHistory[]
  readonly groups: readonly GroupPartition[]
}

export function indexHistory(history: History, setting: CheckSetting): IndexedHistory {
  const partitions = new Map<string, PartitionHistory>()
  const groups = new Map<string, GroupPartition>()
  const at = ({ topic, partition }: { readonly topic: string; readonly partition: number }) => {
    const key = JSON.stringify([topic, partition])
    return found(partitions, key, () => ({
      topic,
      partition,
      end: wholeAndWell(topic, partition),
      sends: [],
      stored: [],
      reads: [],
    }))
  }
  const of = (op: { readonly group: string; readonly topic: string; readonly partition: number }) => {
    const key = JSON.stringify([op.group, op.topic, op.partition])
    const make = () => ({ group: op.group, partition: at(op), handled: [], commits: [], moves: [] })
    return found(groups, key, make)
  }
  for (const end of history.partitions) partitions.set(JSON.stringify([end.topic, end.partition]), { ...at(end), end })
  for (const send of history.sends) at(send).sends.push(send)
  for (const record of history.stored ?? []) at(record).stored.push(record)
  for (const read of inOrder(history.reads)) at(read).reads.push(read)
  for (const op of inOrder(history.handled)) of(op).handled.push(op)
  for (const op of inOrder(history.commits)) of(op).commits.push(op)
  for (const op of inOrder(history.moves)) of(op).moves.push(op)
  return {
    setting: { finalPolls: setting.finalPolls ?? false, resolvedIsHandled: setting.resolvedIsHandled ?? true },
    knowsLogs: history.stored !== null,
    sends: new Map(history.sends.map((send) => [send.id, send])),
    partitions: [...partitions.values()],
    groups: [...groups.values()],
  }
}

/** Of a partition nobody described. */
function wholeAndWell(topic: string, partition: number): PartitionEnd {
  return {
    topic,
    partition,
    led: true,
    logStartOffset: 0,
    highWatermark: Number.POSITIVE_INFINITY,
    logEndOffset: Number.POSITIVE_INFINITY,
    minIsr: 1,
    compacted: false,
    uncleanElections: 0,
    lossyCrashes: 0,
  }
}

function found<T>(map: Map<string, T>, key: string, make: () => T): T {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

function inOrder<T extends { readonly order: number }>(ops: readonly T[]): T[] {
  return [...ops].sort((a, b) => a.order - b.order)
}

/** Items by something about them, in the order they came. */
export function groupBy<T, K>(items: Iterable<T>, keyOf: (item: T) => K): Map<K, T[]> {
  const out = new Map<K, T[]>()
  for (const item of items) {
    const key = keyOf(item)
    const list = out.get(key)
    if (list === undefined) out.set(key, [item])
    else list.push(item)
  }
  return out
}
