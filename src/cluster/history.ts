/**
 * Records a run for the delivery checker, if asked to (`createCluster({ history: true })`): docs/decisions/0005-checker.md.
 *
 * A record is known by its batch's records section: the log keeps those very bytes through replication, retries and
 * re-stamping, so their identity leads from any copy back to the send. Nothing is written into batches, and brokers know of
 * nothing.
 */
import { topicConfigValue } from '../broker/index.ts'
import type {
  CommitOp,
  HandledOp,
  HandledOutcome,
  History,
  MoveOp,
  ReadOp,
  SendOp,
  TraceEvent,
} from '../kernel/index.ts'
import type { RecordBatch } from '../protocol/batch.ts'
import { ErrorCode, errorName } from '../protocol/errors.ts'
import {
  type ClientRecorder,
  type Handing,
  isRefusal,
  type RecordedHandler,
  type RecordedSend,
  type SendingAbout,
} from '../protocol/recorder.ts'
import { lastOffsetOf } from '../protocol/records.ts'
import { logsAtTheEnd } from './history-logs.ts'
import type { Process } from './process.ts'
import { nextCounter, type World } from './world.ts'

export interface HistoryRecorder {
  /** For the clients of one run of a process. */
  client(process: Process, clientId: string, incarnation: number): ClientRecorder
  /**
   * Compaction wrote a batch anew. Offsets stay, so the records left are still told apart by their distance from the base
   * offset.
   */
  rewritten(from: Uint8Array, to: Uint8Array): void
  history(): History
}

/** A batch on its way. Its records have the ids `first`, `first + 1`, … */
interface Sending extends SendingAbout {
  readonly client: string
  readonly order: number
  readonly time: number
  readonly first: number
  readonly count: number
  attempts: number
  /** A request is out, unanswered. */
  open: boolean
  /** Some attempt may have been appended. */
  unsure: boolean
  /** Null while the application has not been told. */
  ok: boolean | null
  offset: number | null
  reason: string
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
/** `alive` tells a handler at work from one that died with its process. */
type Handling = Mutable<HandledOp> & { readonly alive: () => boolean }

export function createHistoryRecorder(world: World): HistoryRecorder {
  /** The send id of a batch's first record. */
  const firstIds = new WeakMap<Uint8Array, number>()
  let order = 0
  let sends: Sending[] = []
  let reads: ReadOp[] = []
  let handled: Handling[] = []
  let commits: CommitOp[] = []
  let moves: MoveOp[] = []
  /** By `topic-partition`. */
  const uncleanElections = new Map<string, number>()
  const lossyCrashes = new Map<string, number>()
  const moment = () => ({ order: order++, time: world.now })
  world.trace.listeners.add(onEvent)

  return {
    client: (process, client, incarnation) => {
      const name = `${process.name}#${incarnation}`
      const alive = () =>
        !world.disposed &&
        process.incarnation === incarnation &&
        (process.state === 'running' || process.state === 'frozen')
      return {
        sending: (batch, about) => sending(client, batch, about),
        handing: (given) => handing(client, name, alive, given),
        moved(kind, group, topic, partition, offset) {
          if (alive()) moves.push({ ...moment(), kind, group, topic, partition, offset })
        },
      }
    },
    rewritten(from, to) {
      const first = firstIds.get(from)
      if (first !== undefined) firstIds.set(to, first)
    },
    history() {
      const { aborted, ...logs } = logsAtTheEnd(world, firstIdOf, {
        minIsr: (topic) => Number(configOf(topic, 'min.insync.replicas')),
        compacted: (topic) => configOf(topic, 'cleanup.policy').includes('compact'),
        uncleanElections: (topic, partition) => uncleanElections.get(`${topic}-${partition}`) ?? 0,
        lossyCrashes: (topic, partition) => lossyCrashes.get(`${topic}-${partition}`) ?? 0,
      })
      return {
        sends: sends.flatMap((it) => sendOps(it, aborted)),
        ...logs,
        reads: [...reads],
        handled: handled.map(({ alive, ...op }) => ({
          ...op,
          outcome: (op.outcome === 'running' || op.outcome === 'resolved') && !alive() ? died(op.outcome) : op.outcome,
        })),
        commits: [...commits],
        moves: [...moves],
      }
    },
  }

  /** Of records nobody announced (they came over a wire), ids are given at first sight. */
  function firstIdOf(batch: RecordBatch): number {
    const known = firstIds.get(batch.records)
    if (known !== undefined) return known
    const first = giveIds(batch.lastOffsetDelta + 1)
    firstIds.set(batch.records, first)
    return first
  }

  function giveIds(count: number): number {
    const first = nextCounter(world, 'send')
    for (let i = 1; i < count; i++) nextCounter(world, 'send')
    return first
  }

  function sending(client: string, batch: RecordBatch, about: SendingAbout): RecordedSend {
    const count = batch.lastOffsetDelta + 1
    const first = giveIds(count)
    firstIds.set(batch.records, first)
    const it: Sending = {
      ...about,
      ...moment(),
      client,
      first,
      count,
      attempts: 0,
      open: false,
      unsure: false,
      ok: null,
      offset: null,
      reason: '',
    }
    sends.push(it)
    return {
      attempt() {
        if (it.open) it.unsure = true
        it.attempts += 1
        it.open = true
      },
      answered(errorCode, baseOffset) {
        it.open = false
        if (errorCode === ErrorCode.NONE) {
          it.unsure = true
          it.offset = baseOffset
        } else {
          it.reason = errorName(errorCode)
          if (!isRefusal(errorCode, it.acks)) it.unsure = true
        }
      },
      end(ok) {
        it.ok = ok
      },
    }
  }

  function handing(client: string, process: string, alive: () => boolean, given: Handing): RecordedHandler {
    const { group, member, topic, partition, offsets, batches, readUncommitted } = given
    const mine: Handling[] = []
    for (const offset of offsets) {
      const batch = batchWith(batches, offset)
      if (batch === undefined) continue
      const send = firstIdOf(batch) + (offset - batch.baseOffset)
      const read: ReadOp = { ...moment(), send, client, process, group, topic, partition, offset, readUncommitted }
      reads.push(read)
      mine.push({ ...read, group, member, outcome: 'running', alive })
    }
    handled.push(...mine)
    const settle = (outcome: HandledOutcome, upTo: number, from: HandledOutcome) => {
      if (!alive()) return
      for (const op of mine) if (op.offset <= upTo && op.outcome === from) op.outcome = outcome
    }
    return {
      resolved: (offset) => settle('resolved', offset, 'running'),
      end(completed) {
        const all = Number.POSITIVE_INFINITY
        settle(completed ? 'completed' : 'failed', all, 'running')
        if (completed) settle('completed', all, 'resolved')
      },
    }
  }

  function onEvent(event: TraceEvent): void {
    if (event.type === 'offset.commit') {
      const { group, topic, partition, offset, producerId } = event
      const member = producerId === undefined ? event.member : `producer ${producerId}`
      commits.push({ ...moment(), group, member, topic, partition, offset })
    } else if (event.type === 'leader' && event.unclean && hasOthers(event)) countIn(uncleanElections, event)
    else if (event.type === 'unflushed-lost') countIn(lossyCrashes, event)
    else if (event.type === 'topic.deleted') forget(event.topic)
  }

  /** The only replica of a partition takes nothing away by leading it: what it lacks, a crash took. */
  function hasOthers({ topic, partition }: { readonly topic: string; readonly partition: number }): boolean {
    return (world.controller.image.topics.get(topic)?.partitions[partition]?.replicas.length ?? 0) > 1
  }

  /** A topic that is gone took its records along on purpose; one that gets its name is another. */
  function forget(name: string): void {
    const others = <T extends { readonly topic: string }>(ops: readonly T[]) =>
      ops.filter(({ topic }) => topic !== name)
    sends = others(sends)
    reads = others(reads)
    handled = others(handled)
    commits = others(commits)
    moves = others(moves)
    for (const map of [uncleanElections, lossyCrashes]) {
      for (const key of [...map.keys()]) if (key.slice(0, key.lastIndexOf('-')) === name) map.delete(key)
    }
  }

  function configOf(topic: string, name: 'min.insync.replicas' | 'cleanup.policy'): string {
    return topicConfigValue(world.controller.image.topics.get(topic)?.config ?? {}, world.config, name)
  }
}

/** By halves: a fetch may bring thousands of batches of one record. */
function batchWith(batches: readonly RecordBatch[], offset: number): RecordBatch | undefined {
  let low = 0
  let high = batches.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (lastOffsetOf(batches[middle] as RecordBatch) < offset) low = middle + 1
    else high = middle
  }
  return batches[low]
}

/** What a handler had resolved when its process died stays resolved. */
function died(outcome: HandledOutcome): HandledOutcome {
  return outcome === 'resolved' ? 'resolved' : 'died'
}

function sendOps(it: Sending, abortedSends: ReadonlySet<number>): SendOp[] {
  const aborted = it.ok !== true && abortedSends.has(it.first)
  const told = it.ok === true ? 'ok' : it.ok === null || it.unsure || it.open ? 'info' : 'fail'
  const outcome = aborted ? 'aborted' : told
  const { order, time, client, topic, partition, acks, idempotent, attempts } = it
  const unanswered = it.ok === null ? 'still under way' : 'no answer'
  const reason = outcome === 'ok' ? '' : aborted ? 'transaction aborted' : it.reason !== '' ? it.reason : unanswered
  return Array.from({ length: it.count }, (_, i) => ({
    id: it.first + i,
    order,
    time,
    client,
    topic,
    partition,
    acks,
    idempotent,
    outcome,
    offset: outcome === 'ok' && it.offset !== null && it.offset >= 0 ? it.offset + i : null,
    attempts,
    reason,
  }))
}

function countIn(
  counts: Map<string, number>,
  { topic, partition }: { readonly topic: string; readonly partition: number },
) {
  const key = `${topic}-${partition}`
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
