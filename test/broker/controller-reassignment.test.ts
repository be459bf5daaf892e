/** Reassignment at the controller (KIP-455): what begins, what completes, what may be undone. */
import { describe, expect, test } from 'vitest'
import { alterPartition, type ControllerState, fenceBroker, stepController } from '../../src/broker/index.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeAlterPartitionReassignmentsRequest,
  makeListPartitionReassignmentsRequest,
} from '../../src/protocol/make.ts'
import type {
  AlterPartitionReassignmentsResponse,
  ListPartitionReassignmentsRequest,
  ListPartitionReassignmentsResponse,
} from '../../src/protocol/messages.ts'
import { addTopic, controllerWith, partitionOf, start } from './controller-support.ts'

const cluster = (config: Readonly<Record<string, string>> = {}) => {
  const state = controllerWith({ brokers: 5 })
  addTopic(state, [[1, 2, 3]], config)
  return state
}
const reassign = (
  state: ControllerState,
  replicas: readonly number[] | null,
  { topic = 'orders', partitionIndex = 0, allowReplicationFactorChange = true } = {},
) => {
  const body = makeAlterPartitionReassignmentsRequest({
    allowReplicationFactorChange,
    topics: [{ name: topic, partitions: [{ partitionIndex, replicas }] }],
  })
  const before = state.log.length
  const { response } = stepController(state, { api: 'AlterPartitionReassignments', body }, () => '')
  const error = (response as AlterPartitionReassignmentsResponse).responses[0]?.partitions[0]?.errorCode
  if (error !== ErrorCode.NONE) expect(state.log.length).toBe(before)
  return error
}
const list = (state: ControllerState, topics: ListPartitionReassignmentsRequest['topics'] = null) => {
  const body = makeListPartitionReassignmentsRequest({ topics })
  const { records, response } = stepController(state, { api: 'ListPartitionReassignments', body }, () => '')
  expect(records).toEqual([])
  return (response as ListPartitionReassignmentsResponse).topics
}
const propose = (state: ControllerState, ...isr: number[]) => {
  const { leader, leaderEpoch, partitionEpoch } = partitionOf(state)
  return alterPartition(state, leader, {
    type: 'alter-partition',
    topicId: 'orders-id',
    partition: 0,
    leaderEpoch,
    partitionEpoch,
    isr: isr.map((brokerId) => ({ brokerId, brokerEpoch: -1 })),
    leaderRecoveryState: 'recovered',
    brokerEpoch: -1,
  }).errorCode
}

describe('AlterPartitionReassignments', () => {
  test('first the new replicas are added; those to go stay for now', () => {
    const state = cluster()
    expect(reassign(state, [4, 5, 1])).toBe(ErrorCode.NONE)
    expect(partitionOf(state)).toMatchObject({
      replicas: [4, 5, 1, 2, 3],
      addingReplicas: [4, 5],
      removingReplicas: [2, 3],
      isr: [1, 2, 3],
      leader: 1,
      leaderEpoch: 0,
    })
  })

  test('when all that are to stay are in sync the others go, in a new leader epoch', () => {
    const state = cluster()
    reassign(state, [4, 5, 1])
    expect(propose(state, 1, 2, 3, 4)).toBe(ErrorCode.NONE)
    expect(partitionOf(state).addingReplicas).toEqual([4, 5])
    expect(propose(state, 1, 2, 3, 4, 5)).toBe(ErrorCode.NONE)
    expect(partitionOf(state)).toMatchObject({
      replicas: [4, 5, 1],
      isr: [1, 4, 5],
      leader: 1,
      leaderEpoch: 1,
      addingReplicas: [],
      removingReplicas: [],
    })
  })

  test('a leader that is to go makes way, and is told NEW_LEADER_ELECTED', () => {
    const state = cluster()
    reassign(state, [4, 5])
    expect(propose(state, 1, 2, 3, 4, 5)).toBe(ErrorCode.NEW_LEADER_ELECTED)
    expect(partitionOf(state)).toMatchObject({ replicas: [4, 5], isr: [4, 5], leader: 4, leaderEpoch: 1 })
  })

  test('a mere new order is complete at once; leadership stays until somebody elects', () => {
    const state = cluster()
    expect(reassign(state, [3, 2, 1])).toBe(ErrorCode.NONE)
    expect(partitionOf(state)).toMatchObject({ replicas: [3, 2, 1], leader: 1, leaderEpoch: 0, addingReplicas: [] })
    expect(list(state)).toEqual([])
  })

  test('fewer replicas: complete at once when the rest is in sync', () => {
    const state = cluster()
    expect(reassign(state, [1, 2])).toBe(ErrorCode.NONE)
    expect(partitionOf(state)).toMatchObject({ replicas: [1, 2], isr: [1, 2], removingReplicas: [], leaderEpoch: 1 })
  })

  test('the same replicas: nothing to do, and no error', () => {
    const state = cluster()
    const before = state.log.length
    expect(reassign(state, [1, 2, 3])).toBe(ErrorCode.NONE)
    expect(state.log.length).toBe(before)
  })

  test('a new target replaces the one under way', () => {
    const state = cluster()
    reassign(state, [1, 2, 4])
    expect(reassign(state, [1, 2, 5])).toBe(ErrorCode.NONE)
    expect(partitionOf(state)).toMatchObject({
      replicas: [1, 2, 5, 3, 4],
      addingReplicas: [5],
      removingReplicas: [3, 4],
    })
  })

  test('null cancels: what was being added goes, what was to go stays', () => {
    const state = cluster()
    reassign(state, [4, 5, 1])
    propose(state, 1, 2, 3, 4)
    expect(reassign(state, null)).toBe(ErrorCode.NONE)
    expect(partitionOf(state)).toMatchObject({
      replicas: [1, 2, 3],
      isr: [1, 2, 3],
      addingReplicas: [],
      removingReplicas: [],
      leaderEpoch: 1,
    })
  })

  test('nothing to cancel: NO_REASSIGNMENT_IN_PROGRESS', () => {
    expect(reassign(cluster(), null)).toBe(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS)
  })

  const onlyAddedInSync = (config: Readonly<Record<string, string>> = {}) => {
    const state = cluster(config)
    reassign(state, [4, 5, 1])
    propose(state, 1, 2, 3, 4)
    for (const id of [1, 2, 3]) fenceBroker(state, id)
    return state
  }
  test('cancelling would need an unclean election: INVALID_REPLICA_ASSIGNMENT', () => {
    const state = onlyAddedInSync()
    expect(partitionOf(state)).toMatchObject({ leader: 4, isr: [4] })
    expect(reassign(state, null)).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT)
  })
  test('where such an election is allowed the first replica that stays is the ISR', () => {
    const state = onlyAddedInSync({ 'unclean.leader.election.enable': 'true' })
    start(state, 1)
    expect(reassign(state, null)).toBe(ErrorCode.NONE)
    expect(partitionOf(state)).toMatchObject({ replicas: [1, 2, 3], leader: 1, isr: [1] })
  })

  test('an assignment with nobody, strangers or doubles is INVALID_REPLICA_ASSIGNMENT', () => {
    for (const replicas of [[], [1, 9], [1, 1]]) {
      expect(reassign(cluster(), replicas)).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT)
    }
  })

  test('no such topic or partition: UNKNOWN_TOPIC_OR_PARTITION', () => {
    expect(reassign(cluster(), [1], { topic: 'other' })).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(reassign(cluster(), [1], { partitionIndex: 4 })).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('KIP-860: another replication factor that is not allowed is INVALID_REPLICATION_FACTOR', () => {
    const strict = { allowReplicationFactorChange: false }
    expect(reassign(cluster(), [1, 4], strict)).toBe(ErrorCode.INVALID_REPLICATION_FACTOR)
    const state = cluster()
    expect(reassign(state, [1, 2, 4], strict)).toBe(ErrorCode.NONE)
    // The factor is that of the assignment to come, not of all that hold replicas meanwhile.
    expect(reassign(state, [1, 2, 5], strict)).toBe(ErrorCode.NONE)
  })
})

describe('ListPartitionReassignments', () => {
  test('shows what is under way, of all topics or of some', () => {
    const state = cluster()
    addTopic(state, [[1], [2]], {}, 'other')
    reassign(state, [4, 1, 2])
    const ongoing = {
      name: 'orders',
      partitions: [{ partitionIndex: 0, replicas: [4, 1, 2, 3], addingReplicas: [4], removingReplicas: [3] }],
    }
    expect(list(state)).toEqual([ongoing])
    expect(list(state, [{ name: 'orders', partitionIndexes: [0, 9] }])).toEqual([ongoing])
    expect(list(state, [{ name: 'other', partitionIndexes: [0] }])).toEqual([])
    expect(list(state, [{ name: 'nope', partitionIndexes: [0] }])).toEqual([])
  })
})
