/** The laws about transactions notice what is wrong with a log, and nothing where nothing is. */
import { describe, expect, test } from 'vitest'
import {
  advanceLogStart,
  appendBatch,
  asStored,
  crashLog,
  type PartitionLog,
  setHighWatermark,
  truncateTo,
} from '../../src/broker/index.ts'
import type { LeaderState } from '../../src/broker/replication/leader.ts'
import type { ReplicaMemory } from '../../src/cluster/laws/ledger.ts'
import type { PartitionScope } from '../../src/cluster/laws/replica-laws.ts'
import { TRANSACTION_LAWS } from '../../src/cluster/laws/transaction-laws.ts'
import { encodeBatch, encodeTransactionMarker } from '../../src/protocol/records.ts'
import { logWith, NOW } from '../broker/log/support.ts'

function data(log: PartitionLog, producerId: number, producerEpoch = 0, transactional = true): void {
  const batch = encodeBatch([{ key: 'k', value: 'x', timestamp: NOW }], { producerId, producerEpoch, transactional })
  appendBatch(log, asStored(log, batch, NOW, false), NOW)
}

function end(log: PartitionLog, type: 'COMMIT' | 'ABORT', producerId: number, producerEpoch = 0, coordinatorEpoch = 0) {
  const marker = encodeTransactionMarker({ type, producerId, producerEpoch, coordinatorEpoch, timestamp: NOW })
  appendBatch(log, asStored(log, marker, NOW, false), NOW)
}

/** The laws that say something about a replica, with what they say. */
function broken(log: PartitionLog, options: { compacted?: boolean; stableBefore?: number } = {}): string[] {
  const { compacted = false, stableBefore } = options
  const before: Partial<ReplicaMemory> | undefined =
    stableBefore === undefined ? undefined : { leadingEpoch: 3, lastStableOffset: stableBefore }
  const leader: Partial<LeaderState> = { epoch: 3 }
  const replicas = [{ node: { id: 1, up: true }, log, leader, before }]
  const scope = { name: 'orders-0', world: { now: NOW }, replicas, compacted } as unknown as PartitionScope
  return TRANSACTION_LAWS.flatMap(({ id, check }) => {
    const found = check(scope)
    return found === null ? [] : [`${id} ${found}`]
  })
}

function sound(): PartitionLog {
  const log = logWith()
  data(log, 1)
  data(log, 2)
  end(log, 'ABORT', 1)
  data(log, 1, 1)
  setHighWatermark(log, 4, NOW)
  return log
}

describe('a sound log breaks none', () => {
  test('as it grows, is cut, crashes and starts later', () => {
    const log = sound()
    expect(broken(log)).toEqual([])
    end(log, 'COMMIT', 2, 5, 1)
    expect(broken(log)).toEqual([])
    truncateTo(log, 2, NOW)
    expect(broken(log)).toEqual([])
    data(log, 3)
    end(log, 'ABORT', 3)
    crashLog(log, log.logEndOffset, NOW)
    expect(broken(log)).toEqual([])
    setHighWatermark(log, log.logEndOffset, NOW)
    advanceLogStart(log, 3, NOW)
    expect(broken(log, { stableBefore: 2 })).toEqual([])
  })
})

describe('L8', () => {
  test('a last stable offset that goes back while a leader leads', () => {
    const log = sound()
    expect(broken(log, { stableBefore: 1 })).toEqual([])
    expect(broken(log, { stableBefore: 2 })).toEqual([
      'L8 orders-0: broker 1 has a last stable offset of 1, and had one of 2',
    ])
  })
})

describe('T2', () => {
  test('a marker of an earlier epoch than the records it ends', () => {
    const log = sound()
    end(log, 'COMMIT', 1, 0)
    expect(broken(log)).toEqual(['T2 orders-0: broker 1: the marker at 4 is of epoch 0, it ends records of epoch 1'])
  })

  test('a marker of an earlier coordinator than the one before', () => {
    const log = sound()
    end(log, 'COMMIT', 1, 1, 7)
    end(log, 'COMMIT', 1, 1, 6)
    expect(broken(log)).toEqual(['T2 orders-0: broker 1: the marker at 5 is of coordinator epoch 6, after 7'])
  })
})

describe('T3', () => {
  test('an open transaction that a replica does not know of, or one that it invents', () => {
    const forgotten = sound()
    forgotten.transactions.open.delete(1)
    expect(broken(forgotten)).toEqual([
      'T3 orders-0: broker 1: it does not know that producer 2 has a transaction open from 1 on',
    ])
    const invented = sound()
    invented.transactions.open.set(0, 9)
    expect(broken(invented)).toContain('T3 orders-0: broker 1: it holds 3 transactions as open, its log has 2')
  })

  test('an aborted transaction that is not in the index, or one that is and was not aborted', () => {
    for (const aborted of [[], [{ producerId: 2, firstOffset: 1, lastOffset: 2, lastStableOffset: 0 }]]) {
      const log = sound()
      log.transactions.aborted = aborted
      expect(broken(log).map((text) => text.slice(0, 2))).toEqual(['T3'])
      // A cleaner takes what nobody needs.
      expect(broken(log, { compacted: true })).toEqual([])
    }
  })
})

test('T7: a record outside of the transaction its producer has open', () => {
  const log = sound()
  data(log, 2, 0, false)
  expect(broken(log)).toEqual([
    'T7 orders-0: broker 1: producer 2 has a transaction open from 1 on, and writes 4 outside',
  ])
})
