/** Law R9: what comes from another leadership, incarnation or question has no effect. */
import { describe, expect, test } from 'vitest'
import { stepRestart } from '../../src/broker/index.ts'
import { beginEpoch } from '../../src/broker/replication/epochs.ts'
import type { AlterPartition, AlterRefused, ReplicaData, ReplicaFetch } from '../../src/broker/replication/messages.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { makeFetchPartition, makeFetchRequest } from '../../src/protocol/make.ts'
import { fetched, type TestCluster } from './controller-cluster.ts'
import { brokerOf, partitionOf } from './controller-support.ts'
import { append, logWith } from './log/support.ts'
import {
  answerTo,
  brokerAt,
  deliverUntil,
  fence,
  fetchOf,
  leaderAt,
  logAt,
  replicated,
  roleAt,
  start,
  tell,
} from './replication-support.ts'

describe('R9, KIP-320: a leader', () => {
  const movedOnce = () => {
    const cluster = replicated()
    cluster.produce(1, ['a'])
    fence(cluster, 1)
    start(cluster, 1)
    expect(partitionOf(cluster.controller)).toMatchObject({ leader: 2, leaderEpoch: 1 })
    return cluster
  }
  const known = (cluster: TestCluster) => leaderAt(cluster, 2).followers.get(3)?.logEndOffset

  test('does not answer who believes in an earlier epoch, nor count what it says', () => {
    const cluster = movedOnce()
    const before = known(cluster)
    const { sends } = tell(cluster, 2, fetchOf({ follower: 3, offset: 0, lastEpoch: 0, leaderEpoch: 0 }))
    expect(sends).toEqual([])
    expect(known(cluster)).toBe(before)
  })

  test('keeps who believes in a later epoch until it has heard of it, then answers', () => {
    const cluster = movedOnce()
    const before = known(cluster)
    const early: ReplicaFetch = fetchOf({ follower: 3, offset: 0, leaderEpoch: 2, ask: 7 })
    expect(tell(cluster, 2, early).sends).toEqual([])
    expect(known(cluster)).toBe(before)
    expect(brokerAt(cluster, 2).earlyFetches).toEqual([early])
  })
})

test('KIP-320: a reader that believes in an earlier epoch is FENCED_LEADER_EPOCH, in a later one UNKNOWN_LEADER_EPOCH', () => {
  const cluster = replicated()
  cluster.produce(1, ['a'])
  fence(cluster, 1)
  const error = (currentLeaderEpoch: number) => {
    const partitions = [makeFetchPartition({ partition: 0, fetchOffset: 0, currentLeaderEpoch })]
    const body = makeFetchRequest({ maxWaitMs: 0, topics: [{ topic: 'orders', topicId: '', partitions }] })
    return fetched(cluster, cluster.send(2, 'Fetch', 11, body))?.errorCode
  }
  expect([0, 1, 2].map(error)).toEqual([ErrorCode.FENCED_LEADER_EPOCH, ErrorCode.NONE, ErrorCode.UNKNOWN_LEADER_EPOCH])
})

describe('R9: a follower takes the answer it waits for, and no other', () => {
  const ready = () => {
    const cluster = replicated()
    cluster.produce(1, ['a', 'b'])
    const [batch] = logAt(cluster, 1).batches
    if (batch === undefined) throw new Error('there is no batch')
    const next = { ...batch, baseOffset: 2 }
    return { cluster, batch, next }
  }
  test('this one', () => {
    const { cluster, next } = ready()
    tell(cluster, 2, answerTo(cluster, 2, { batches: [next] }))
    expect(logAt(cluster, 2).logEndOffset).toBe(4)
  })
  test.each([
    ['of another epoch (KIP-320)', { leaderEpoch: 1 }],
    ['of an earlier epoch (KIP-320)', { leaderEpoch: -1 }],
    ['of a broker that is not its leader', { leader: 3 }],
    ['to a question it has given up', { ask: 0 }],
  ] as const)('none %s', (_, other: Partial<ReplicaData>) => {
    const { cluster, next } = ready()
    const { sends } = tell(cluster, 2, answerTo(cluster, 2, { batches: [next], highWatermark: 9, ...other }))
    expect(sends).toEqual([])
    expect(logAt(cluster, 2).logEndOffset).toBe(2)
  })
  test('none of its own former leader once it leads itself', () => {
    const { cluster, next } = ready()
    const late = answerTo(cluster, 2, { batches: [next] })
    fence(cluster, 1)
    expect(leaderAt(cluster, 2).epoch).toBe(1)
    expect(brokerAt(cluster, 2).following.size).toBe(0)
    expect(tell(cluster, 2, late).sends).toEqual([])
    expect(logAt(cluster, 2).logEndOffset).toBe(2)
  })
  test('L1: a batch that it has is not appended again, one that does not follow not at all', () => {
    const { cluster, batch, next } = ready()
    tell(cluster, 2, answerTo(cluster, 2, { batches: [batch] }))
    tell(cluster, 2, answerTo(cluster, 2, { batches: [next], fetchOffset: 9 }))
    expect(logAt(cluster, 2)).toMatchObject({ logEndOffset: 2, batches: [batch] })
    expect(logAt(cluster, 2).batches).toHaveLength(1)
  })
  test('L1: what it lacks is gone at the leader, by one record or by many: it begins anew there', () => {
    for (const logStartOffset of [3, 20]) {
      const { cluster, next } = ready()
      const batches = [{ ...next, baseOffset: logStartOffset }]
      tell(cluster, 2, answerTo(cluster, 2, { batches, logStartOffset, highWatermark: logStartOffset }))
      expect(logAt(cluster, 2)).toMatchObject({ logStartOffset, logEndOffset: logStartOffset + 2 })
      expect(logAt(cluster, 2).batches).toEqual(batches)
    }
  })
  test('a leader that leads on in a new epoch is asked anew', () => {
    const { cluster } = ready()
    const { asked, epoch } = roleAt(cluster, 2)
    const { topicId } = logAt(cluster, 1)
    const info = { ...partitionOf(cluster.controller), leaderEpoch: epoch + 1 }
    cluster.controller.log.push({ type: 'partition', topicId, ...info })
    cluster.publish(cluster.controller.log.slice(-1))
    cluster.settle()
    expect(roleAt(cluster, 2).epoch).toBe(epoch + 1)
    expect(asked).toBeGreaterThan(0)
  })
})

describe('V9: a proposal and its answer (Partition.handleAlterPartitionError)', () => {
  /** Broker 2 is about to be let in. */
  const proposing = () => {
    const cluster = replicated()
    fence(cluster, 2)
    cluster.produce(1, ['a'])
    cluster.start(2)
    const [message] = deliverUntil(cluster, 'alter')
    const { topicId, partitionEpoch } = (message as { readonly message: AlterPartition }).message
    const refusal = (refused: Partial<AlterRefused>): AlterRefused => ({
      type: 'alter-refused',
      topicId,
      partition: 0,
      partitionEpoch,
      errorCode: ErrorCode.INELIGIBLE_REPLICA,
      ...refused,
    })
    return { cluster, refusal, proposed: () => leaderAt(cluster, 1).proposed }
  }
  test('refused as ineligible it is over: the same may be proposed again', () => {
    const { cluster, refusal, proposed } = proposing()
    expect(proposed()).toEqual([1, 3, 2])
    tell(cluster, 1, refusal({}))
    expect(proposed()).toBeNull()
  })
  test('a refusal of an earlier one ends it not', () => {
    const { cluster, refusal, proposed } = proposing()
    tell(cluster, 1, refusal({ partitionEpoch: 0 }))
    expect(proposed()).toEqual([1, 3, 2])
  })
  test('after an error that says that the controller knows more it counts until metadata says otherwise (KIP-497)', () => {
    const { cluster, refusal, proposed } = proposing()
    for (const errorCode of [ErrorCode.INVALID_UPDATE_VERSION, ErrorCode.FENCED_LEADER_EPOCH])
      tell(cluster, 1, refusal({ errorCode }))
    expect(proposed()).toEqual([1, 3, 2])
  })
})

test('KIP-903: a proposal names the incarnations the leader has seen; -1 for who has not fetched from it yet', () => {
  const cluster = replicated()
  cluster.down.add(3)
  fence(cluster, 1)
  cluster.start(1)
  const [proposal] = deliverUntil(cluster, 'alter')
  const epoch = (id: number) => brokerOf(cluster.controller, id).epoch
  expect(proposal).toMatchObject({
    from: 2,
    message: {
      brokerEpoch: epoch(2),
      isr: [
        { brokerId: 2, brokerEpoch: epoch(2) },
        { brokerId: 3, brokerEpoch: -1 },
        { brokerId: 1, brokerEpoch: epoch(1) },
      ],
    },
  })
})

test('K3: a broker that starts again leads, follows and knows nothing; nobody waits there', () => {
  const cluster = replicated()
  cluster.down.add(2)
  cluster.produce(1, ['a'])
  const broker = brokerAt(cluster, 1)
  expect(broker.parkedProduces.size).toBe(1)
  stepRestart(broker, 0)
  expect(broker).toMatchObject({ image: { offset: 0 } })
  const { leading, following, parkedProduces, produceWatchers, parkedFetches, shards } = broker
  for (const left of [leading, following, parkedProduces, produceWatchers, parkedFetches, shards])
    expect(left.size).toBe(0)
  expect(logAt(cluster, 1).logEndOffset).toBe(1)
})

test('L2: an epoch that begins where later ones were makes them void', () => {
  const log = logWith()
  append(log, 5)
  for (const [epoch, startOffset] of [
    [0, 0],
    [1, 3],
    [2, 5],
  ] as const)
    beginEpoch(log, epoch, startOffset)
  beginEpoch(log, 3, 3)
  expect(log.epochs).toEqual([
    { epoch: 0, startOffset: 0 },
    { epoch: 3, startOffset: 3 },
  ])
  beginEpoch(log, 3, 4)
  beginEpoch(log, 1, 4)
  expect(log.epochs).toHaveLength(2)
})
