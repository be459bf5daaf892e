/** Writes histories by hand, in the order the lines stand: a story in, plain data out. */
import type {
  CommitOp,
  HandledOp,
  HandledOutcome,
  History,
  MoveOp,
  PartitionEnd,
  ReadOp,
  SendOp,
  StoredRecord,
} from 'kafkarium'

type SendGiven = Partial<Pick<SendOp, 'acks' | 'attempts' | 'client' | 'idempotent' | 'partition' | 'reason' | 'topic'>>

export function story() {
  const sends: SendOp[] = []
  const stored: StoredRecord[] = []
  const reads: ReadOp[] = []
  const handled: HandledOp[] = []
  const commits: CommitOp[] = []
  const moves: MoveOp[] = []
  const partitions: PartitionEnd[] = []
  let order = 0
  let knowsLogs = true
  const moment = () => ({ order: order++, time: 0 })
  const at = { topic: 'orders', partition: 0 }

  const send = (id: number, outcome: SendOp['outcome'], offset: number | null, given: SendGiven) => {
    const reason = outcome === 'ok' ? '' : outcome === 'info' ? 'no answer' : 'MESSAGE_TOO_LARGE'
    const base = { ...at, client: 'shop', acks: -1, idempotent: false, attempts: 1, reason }
    sends.push({ ...moment(), ...base, ...given, id, outcome, offset })
  }
  const tell = {
    /** Acknowledged at an offset, and in the log there unless `stored` says otherwise. */
    sent(
      id: number,
      offset: number,
      { stored: there = [offset], ...given }: SendGiven & { stored?: readonly number[] } = {},
    ) {
      send(id, 'ok', given.acks === 0 ? null : offset, given)
      for (const one of there)
        stored.push({
          ...at,
          ...(given.partition === undefined ? {} : { partition: given.partition }),
          send: id,
          offset: one,
        })
      return tell
    },
    unknown(id: number, there: readonly number[] = [], given: SendGiven = {}) {
      send(id, 'info', null, given)
      for (const offset of there) stored.push({ ...at, send: id, offset })
      return tell
    },
    failed(id: number, there: readonly number[] = [], given: SendGiven = {}) {
      send(id, 'fail', null, given)
      for (const offset of there) stored.push({ ...at, send: id, offset })
      return tell
    },
    /** Read by a reader without a group. */
    polled(id: number, offset: number, client = 'reader') {
      reads.push({ ...moment(), ...at, send: id, client, process: `${client}#1`, group: null, offset })
      return tell
    },
    handled(
      id: number,
      offset: number,
      outcome: HandledOutcome = 'completed',
      process = 'billing#1',
      group = 'billing',
    ) {
      const read = { ...moment(), ...at, send: id, client: 'billing', process, group, offset }
      reads.push(read)
      handled.push({ ...read, member: `member of ${process}`, outcome })
      return tell
    },
    committed(offset: number, member = 'm1', group = 'billing') {
      commits.push({ ...moment(), ...at, group, member, offset })
      return tell
    },
    moved(kind: MoveOp['kind'], offset: number, group = 'billing') {
      moves.push({ ...moment(), ...at, kind, group, offset })
      return tell
    },
    end(given: Partial<PartitionEnd>) {
      const whole = { ...at, led: true, logStartOffset: 0, highWatermark: 100, logEndOffset: 100, minIsr: 2 }
      partitions.push({ ...whole, compacted: false, uncleanElections: 0, lossyCrashes: 0, ...given })
      return tell
    },
    /** Nobody looked into the logs. */
    fromAfar() {
      knowsLogs = false
      return tell
    },
    get history(): History {
      return { sends, stored: knowsLogs ? stored : null, reads, handled, commits, moves, partitions }
    },
  }
  return tell
}
