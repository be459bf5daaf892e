/** Rules of replication one by one, between two messages: what a leader counts, and where two logs part. */
import { describe, expect, test } from 'vitest'
import { endOffsetFor } from '../../src/broker/replication/epochs.ts'
import { createLeaderState, followerFetched } from '../../src/broker/replication/leader.ts'
import type { ReplicaData } from '../../src/broker/replication/messages.ts'
import { partitionOf } from './controller-support.ts'
import { append, logWith, NOW } from './log/support.ts'
import {
  answerTo,
  brokerAt,
  checkIsr,
  deliverUntil,
  fence,
  fetchOf,
  leaderAt,
  logAt,
  replicated,
  start,
  tell,
} from './replication-support.ts'

describe('R11, KIP-497: the high watermark waits for who is proposed', () => {
  /** Brokers 2 and 3 are back; the proposal to let the first of them in is under way. */
  const proposing = () => {
    const cluster = replicated()
    fence(cluster, 2)
    fence(cluster, 3)
    cluster.produce(1, ['a'])
    cluster.start(2)
    cluster.start(3)
    const proposal = deliverUntil(cluster, 'alter')
    cluster.settle()
    const proposed = leaderAt(cluster, 1).proposed ?? []
    const [joining = -1] = proposed.filter((id) => id !== 1)
    return { cluster, proposal, joining, other: joining === 2 ? 3 : 2 }
  }

  test('also when it has fallen silent for longer than replica.lag.time.max.ms', () => {
    const { cluster, joining, other } = proposing()
    expect(leaderAt(cluster, 1)).toMatchObject({ isr: [1], proposed: [1, joining] })
    cluster.down.add(joining)
    cluster.down.add(other)
    cluster.now += 60_000
    cluster.produce(1, ['b'], 1)
    expect(logAt(cluster, 1)).toMatchObject({ logEndOffset: 2, highWatermark: 1 })
  })

  test('and for who has caught up and will be proposed next (shouldWaitForReplicaToJoinIsr), but no longer than that', () => {
    const { cluster, joining, other } = proposing()
    cluster.down.add(other)
    cluster.produce(1, ['b'], 1)
    expect(leaderAt(cluster, 1).followers.get(joining)?.logEndOffset).toBe(2)
    expect(logAt(cluster, 1)).toMatchObject({ logEndOffset: 2, highWatermark: 1 })
    cluster.now += 60_000
    cluster.produce(1, ['c'], 1)
    expect(logAt(cluster, 1)).toMatchObject({ logEndOffset: 3, highWatermark: 3 })
  })

  test('a shrunk ISR does not count before the controller has confirmed it', () => {
    const cluster = replicated()
    cluster.down.add(3)
    cluster.produce(1, ['a'], 1)
    cluster.now += 60_000
    brokerAt(cluster, 1).touched?.partitions.clear()
    const { sends } = checkIsr(cluster, 1)
    // Laws look at it: a proposal is as much to be judged when it leaves somebody out.
    expect([...(brokerAt(cluster, 1).touched?.partitions ?? [])]).toEqual(['orders-0'])
    expect(sends).toMatchObject([{ message: { type: 'alter-partition', isr: [{ brokerId: 1 }, { brokerId: 2 }] } }])
    cluster.produce(1, ['b'], 1)
    expect(leaderAt(cluster, 1).followers.get(2)?.logEndOffset).toBe(2)
    expect(logAt(cluster, 1)).toMatchObject({ logEndOffset: 2, highWatermark: 0 })
  })

  test('V9: one proposal at a time', () => {
    const { cluster, joining } = proposing()
    expect(cluster.queue).toEqual([])
    expect(leaderAt(cluster, 1).proposed).toEqual([1, joining])
  })
})

describe('A28: who lags (Replica.updateFetchStateOrThrow)', () => {
  const following = () => {
    const log = logWith()
    append(log, 10)
    const leader = createLeaderState(log, 0, 0, [1, 2], [1, 2], 1, NOW)
    const fetch = (offset: number, now: number) => followerFetched(leader, log, fetchOf({ offset }), now)
    return { log, fetch, caughtUp: () => leader.followers.get(2)?.lastCaughtUp }
  }
  test('who fetches at the log end has caught up now', () => {
    const { fetch, caughtUp } = following()
    fetch(10, NOW + 5)
    expect(caughtUp()).toBe(NOW + 5)
  })
  test('who fetches is not caught up for that', () => {
    const { fetch, caughtUp } = following()
    fetch(1, NOW + 5)
    fetch(2, NOW + 9)
    expect(caughtUp()).toBe(NOW)
  })
  test('who has what there was at its last fetch had caught up then (KAFKA-2477)', () => {
    const { log, fetch, caughtUp } = following()
    fetch(1, NOW + 5)
    append(log, 10)
    fetch(10, NOW + 9)
    expect(caughtUp()).toBe(NOW + 5)
    append(log, 10)
    fetch(20, NOW + 20)
    expect(caughtUp()).toBe(NOW + 9)
  })
})

describe('KIP-101, 279: where a follower’s log parts from the leader’s', () => {
  /** Broker 1 led in epoch 0 (offsets 0 and 1) and leads in epoch 2; what was written in epoch 1 never reached it. */
  const led = (values: readonly string[]) => {
    const cluster = replicated()
    cluster.produce(1, ['a', 'b'])
    fence(cluster, 1)
    start(cluster, 1)
    fence(cluster, 2)
    fence(cluster, 3)
    expect(partitionOf(cluster.controller)).toMatchObject({ leader: 1, isr: [1] })
    const { leaderEpoch } = partitionOf(cluster.controller)
    if (values.length > 0) cluster.produce(1, values, 1)
    return { cluster, leaderEpoch }
  }
  const answer = (values: readonly string[], lastEpoch: number, offset: number) => {
    const { cluster, leaderEpoch } = led(values)
    const last = lastEpoch === 9 ? leaderEpoch : lastEpoch
    const { sends } = tell(cluster, 1, fetchOf({ offset, lastEpoch: last, leaderEpoch }))
    const [send] = sends.filter(({ message }) => message.type === 'replica-data')
    return (send?.message as ReplicaData | undefined)?.diverging
  }
  test.each([
    ['the same so far', ['c'], 0, 2, null],
    ['more of an epoch than there was', ['c'], 0, 3, { epoch: 0, endOffset: 2 }],
    [
      'records of an epoch that the leader does not know, not beyond its log',
      ['c', 'd'],
      1,
      2,
      { epoch: 0, endOffset: 2 },
    ],
    ['the same, before the leader has written anything in its own epoch', [], 1, 1, { epoch: 0, endOffset: 2 }],
    ['more of the leader’s own epoch than it has', ['c'], 9, 4, { epoch: 2, endOffset: 3 }],
  ] as const)('%s', (_, values, lastEpoch, offset, diverging) => {
    expect(answer(values, lastEpoch, offset)).toEqual(diverging)
  })

  test('who names no epoch and is beyond the leader’s log goes back to its end (fetchOffsetAndTruncate)', () => {
    expect(answer(['c'], -1, 9)).toEqual({ epoch: -1, endOffset: 3 })
    expect(answer(['c'], -1, 3)).toBeUndefined()
    expect(answer(['c'], -1, 2)).toBeNull()
  })

  test('the follower goes back to where its own epoch ended, if that is earlier', () => {
    const cluster = replicated()
    const log = logAt(cluster, 2)
    log.leaderEpoch = 0
    append(log, 2)
    log.epochs.push({ epoch: 0, startOffset: 0 }, { epoch: 1, startOffset: 2 })
    log.leaderEpoch = 1
    append(log, 1)
    append(log, 1)
    append(log, 1)
    const { sends } = tell(cluster, 2, answerTo(cluster, 2, { diverging: { epoch: 0, endOffset: 4 } }))
    expect(log).toMatchObject({ logEndOffset: 2, epochs: [{ epoch: 0, startOffset: 0 }] })
    expect(sends).toMatchObject([{ to: 1, message: { type: 'replica-fetch', offset: 2, lastEpoch: 0 } }])
  })

  test('L2: the end of an epoch is the start of the next one known, and the answer names the epoch it is about', () => {
    const log = logWith()
    for (const [epoch, startOffset] of [
      [1, 0],
      [3, 4],
      [6, 9],
    ] as const)
      log.epochs.push({ epoch, startOffset })
    log.logEndOffset = 12
    expect([0, 1, 2, 3, 5, 6, 7].map((epoch) => endOffsetFor(log, epoch))).toEqual([
      { epoch: 0, endOffset: 0 },
      { epoch: 1, endOffset: 4 },
      { epoch: 1, endOffset: 4 },
      { epoch: 3, endOffset: 9 },
      { epoch: 3, endOffset: 9 },
      { epoch: 6, endOffset: 12 },
      null,
    ])
  })
})
