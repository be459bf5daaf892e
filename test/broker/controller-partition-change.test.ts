/** PartitionChangeBuilder, rule by rule. */
import { describe, expect, test } from 'vitest'
import { changePartition, type PartitionChange } from '../../src/broker/controller/partition-change.ts'
import type { PartitionInfo } from '../../src/broker/index.ts'

const base: PartitionInfo = {
  partition: 0,
  replicas: [1, 2, 3],
  isr: [1, 2, 3],
  elr: [],
  lastKnownElr: [],
  leader: 1,
  leaderRecoveryState: 'recovered',
  leaderEpoch: 5,
  partitionEpoch: 8,
  addingReplicas: [],
  removingReplicas: [],
}
type Options = Partial<Omit<PartitionChange, 'partition' | 'acceptable'>> & { readonly down?: readonly number[] }
const change = (partition: Partial<PartitionInfo>, { down = [], ...rest }: Options) =>
  changePartition({
    topicId: 'id',
    partition: { ...base, ...partition },
    acceptable: (id) => !down.includes(id),
    minIsr: 2,
    elr: true,
    keepEpochOnShrink: true,
    ...rest,
  })

describe('changeRecordIsNoOp', () => {
  test('nothing wanted, nothing to do: no record', () => {
    expect(change({}, {})).toBeNull()
    expect(change({}, { isr: [1, 2, 3], election: 'preferred' })).toBeNull()
  })
  test('every record moves the partition epoch on by one', () => {
    expect(change({}, { isr: [1, 2] })?.partitionEpoch).toBe(9)
  })
})

describe('electLeader', () => {
  test('online: a leader that may stay stays, also when another is preferred', () => {
    expect(change({ leader: 2 }, {})).toBeNull()
    expect(change({ leader: 2 }, { isr: [1, 2] })).toMatchObject({ leader: 2, leaderEpoch: 5 })
  })
  test('online: else the first living in-sync replica in the order of the replicas, with a new leader epoch', () => {
    expect(change({ replicas: [1, 3, 2] }, { isr: [2, 3], down: [1] })).toMatchObject({ leader: 3, leaderEpoch: 6 })
  })
  test('preferred: the first replica takes over when it is in sync and alive', () => {
    expect(change({ leader: 2 }, { election: 'preferred' })).toMatchObject({ leader: 1, leaderEpoch: 6 })
    expect(change({ leader: 2, isr: [2, 3] }, { election: 'preferred' })).toBeNull()
    expect(change({ leader: 2 }, { election: 'preferred', down: [1] })).toBeNull()
  })
  test('nobody in sync is alive: there is no leader, with a new leader epoch', () => {
    expect(change({ isr: [1] }, { elr: false, isr: [], down: [1] })).toMatchObject({ leader: -1, leaderEpoch: 6 })
  })
  test('unclean: the first living replica, the ISR is that one alone, and the leader is recovering (KIP-704)', () => {
    const record = change({ isr: [1] }, { elr: false, isr: [], election: 'unclean', down: [1] })
    expect(record).toMatchObject({ leader: 2, isr: [2], leaderRecoveryState: 'recovering', leaderEpoch: 6 })
  })
  test('unclean: as long as somebody in sync is alive it is a clean one', () => {
    const record = change({}, { isr: [3], election: 'unclean', down: [1] })
    expect(record).toMatchObject({ leader: 3, isr: [3], leaderRecoveryState: 'recovered' })
  })
})

describe('the ISR', () => {
  test('before KIP-966 the last in-sync replica stays, be it gone', () => {
    expect(change({ isr: [1] }, { elr: false, isr: [], down: [1] })).toMatchObject({ isr: [1], elr: [] })
  })
  test('with KIP-966 it may become empty', () => {
    expect(change({ isr: [1] }, { isr: [], down: [1] })).toMatchObject({ isr: [], elr: [1], leader: -1 })
  })
})

describe('KIP-966: eligible leader replicas', () => {
  test('at or above min.insync.replicas nobody is eligible besides the ISR', () => {
    expect(change({}, { isr: [1, 2] })).toMatchObject({ isr: [1, 2], elr: [] })
    expect(change({ isr: [1], elr: [2, 3] }, { isr: [1, 2] })).toMatchObject({ isr: [1, 2], elr: [] })
  })
  test('who leaves the ISR below min.insync.replicas becomes eligible', () => {
    expect(change({ isr: [1, 2] }, { isr: [1] })).toMatchObject({ isr: [1], elr: [2] })
    expect(change({}, { isr: [1] })).toMatchObject({ isr: [1], elr: [2, 3] })
  })
  test('an unclean shutdown takes a broker out of ISR and ELR', () => {
    const shutdown = { uncleanShutdown: [2], down: [2] }
    expect(change({ isr: [1, 2] }, { isr: [1], ...shutdown })).toMatchObject({ isr: [1], elr: [] })
    expect(change({ isr: [1], elr: [2, 3] }, shutdown)).toMatchObject({ isr: [1], elr: [3] })
  })
  test('an eligible replica leads when the ISR is empty; it is the ISR then, and that is no unclean election', () => {
    const record = change({ isr: [], elr: [1, 3], leader: -1, lastKnownElr: [1] }, { down: [1] })
    expect(record).toMatchObject({ leader: 3, isr: [3], elr: [1], lastKnownElr: [], leaderRecoveryState: 'recovered' })
  })
  test('while the ISR has members an eligible replica does not lead', () => {
    expect(change({ isr: [1], elr: [2] }, { isr: [1], down: [1] })).toMatchObject({ leader: -1, isr: [1], elr: [2] })
  })
  test('an unclean election forgets who was eligible', () => {
    const record = change({ isr: [], elr: [1], leader: -1 }, { election: 'unclean', down: [1] })
    expect(record).toMatchObject({ leader: 2, isr: [2], elr: [], leaderRecoveryState: 'recovering' })
  })
  test('without it, what was eligible is forgotten with the next change', () => {
    expect(change({ isr: [1], elr: [2] }, { elr: false, isr: [1, 3] })).toMatchObject({ elr: [] })
  })
  test('a removed replica does not stay eligible (law R2)', () => {
    const record = change(
      { replicas: [4, 1, 2], isr: [1, 2], addingReplicas: [4], removingReplicas: [1, 2] },
      { isr: [1, 2, 4] },
    )
    expect(record).toMatchObject({ replicas: [4], isr: [4], elr: [] })
  })
})

describe('KIP-966, balanced recovery: the last known leader', () => {
  test('is remembered when the ISR becomes empty, and forgotten when there is a leader again', () => {
    expect(change({ isr: [1] }, { isr: [], down: [1] })).toMatchObject({ lastKnownElr: [1] })
    expect(change({ isr: [], elr: [1], leader: -1, lastKnownElr: [1] }, {})).toMatchObject({
      leader: 1,
      lastKnownElr: [],
    })
  })
  test('leads again once ISR and ELR are empty, even where unclean elections are off', () => {
    expect(change({ isr: [], leader: -1, lastKnownElr: [3] }, {})).toMatchObject({
      leader: 3,
      isr: [3],
      leaderRecoveryState: 'recovering',
    })
  })
  test('not while it is down, and not while anybody is eligible', () => {
    expect(change({ isr: [], leader: -1, lastKnownElr: [3] }, { down: [3] })).toBeNull()
    expect(change({ isr: [], elr: [2], leader: -1, lastKnownElr: [3] }, { down: [2] })).toBeNull()
  })
})

describe('leader epochs', () => {
  test('KAFKA-15021: an ISR that shrinks needs a new leader epoch before 3.6 only', () => {
    expect(change({}, { isr: [1, 2] })).toMatchObject({ leader: 1, leaderEpoch: 5 })
    expect(change({}, { isr: [1, 2], keepEpochOnShrink: false })).toMatchObject({ leader: 1, leaderEpoch: 6 })
    expect(change({ isr: [1, 2] }, { isr: [1, 2, 3], keepEpochOnShrink: false })).toMatchObject({ leaderEpoch: 5 })
  })
  test('a replica that is removed needs one, so that it does not answer for the partition any more', () => {
    const reassigned = { replicas: [1, 2, 3], removingReplicas: [3] }
    expect(change(reassigned, {})).toMatchObject({ replicas: [1, 2], isr: [1, 2], leader: 1, leaderEpoch: 6 })
  })
  test('a replica that is added does not', () => {
    expect(change({}, { replicas: [1, 2, 3, 4], adding: [4] })).toMatchObject({ leaderEpoch: 5, partitionEpoch: 9 })
  })
})

describe('maybeCompleteReassignment', () => {
  const moving: Partial<PartitionInfo> = {
    replicas: [4, 5, 1, 2],
    isr: [1, 2],
    addingReplicas: [4, 5],
    removingReplicas: [1, 2],
  }
  test('not before all replicas that stay are in sync', () => {
    expect(change(moving, { isr: [1, 2, 4] })).toMatchObject({ replicas: [4, 5, 1, 2], addingReplicas: [4, 5] })
  })
  test('then the others go, and a leader among them makes way', () => {
    expect(change(moving, { isr: [1, 2, 4, 5] })).toMatchObject({
      replicas: [4, 5],
      isr: [4, 5],
      leader: 4,
      leaderEpoch: 6,
      addingReplicas: [],
      removingReplicas: [],
    })
  })
  test('merely to remove replicas, the rest has to be in sync', () => {
    const shrinking: Partial<PartitionInfo> = { replicas: [2, 3, 1], isr: [1, 3], removingReplicas: [1] }
    expect(change(shrinking, {})).toBeNull()
    expect(change(shrinking, { isr: [1, 2, 3] })).toMatchObject({ replicas: [2, 3], isr: [2, 3], leader: 2 })
  })
})
