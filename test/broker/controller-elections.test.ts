/** Elections: asked for (ElectLeaders, KIP-460), and those the controller holds by itself. */
import { describe, expect, test } from 'vitest'
import {
  type ControllerState,
  fenceBroker,
  rebalanceDueInMs,
  rebalanceLeaders,
  stepController,
} from '../../src/broker/index.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { makeElectLeadersRequest } from '../../src/protocol/make.ts'
import type { ElectLeadersRequest, ElectLeadersResponse } from '../../src/protocol/messages.ts'
import { addTopic, controllerWith, partitionOf, start } from './controller-support.ts'
import { createBench } from './support.ts'

const PREFERRED = 0
const UNCLEAN = 1
const elect = (state: ControllerState, body: Partial<ElectLeadersRequest>) => {
  const { response } = stepController(state, { api: 'ElectLeaders', body: makeElectLeadersRequest(body) }, () => '')
  return response as ElectLeadersResponse
}
const electOne = (state: ControllerState, electionType: number, partition = 0, topic = 'orders') =>
  elect(state, { electionType, topicPartitions: [{ topic, partitions: [partition] }] }).replicaElectionResults[0]
    ?.partitionResult[0]?.errorCode

/** Partition 0 is led by 2, because 1 was away; partition 1 by 2, which is preferred there. */
const afterRestart = (): ControllerState => {
  const state = controllerWith()
  addTopic(state, [
    [1, 2, 3],
    [2, 3, 1],
  ])
  fenceBroker(state, 1)
  start(state, 1)
  return state
}
/** As above, with broker 1 in sync again. */
const unbalanced = (): ControllerState => {
  const state = controllerWith()
  addTopic(state, [
    [1, 2, 3],
    [2, 3, 1],
  ])
  const info = partitionOf(state)
  state.image.topics.get('orders')?.partitions.splice(0, 1, { ...info, leader: 2, leaderEpoch: info.leaderEpoch + 1 })
  return state
}

describe('ElectLeaders: preferred', () => {
  test('the preferred replica leads again once it is in sync', () => {
    const state = unbalanced()
    expect(electOne(state, PREFERRED)).toBe(ErrorCode.NONE)
    expect(partitionOf(state)).toMatchObject({ leader: 1, leaderEpoch: 2, isr: [1, 2, 3] })
  })
  test('it leads already: ELECTION_NOT_NEEDED', () => {
    expect(electOne(unbalanced(), PREFERRED, 1)).toBe(ErrorCode.ELECTION_NOT_NEEDED)
  })
  test('it is not in sync: PREFERRED_LEADER_NOT_AVAILABLE, and nothing changes', () => {
    const state = afterRestart()
    const before = state.log.length
    expect(electOne(state, PREFERRED)).toBe(ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE)
    expect(state.log.length).toBe(before)
  })
  test('no such topic or partition: UNKNOWN_TOPIC_OR_PARTITION', () => {
    expect(electOne(unbalanced(), PREFERRED, 0, 'other')).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    expect(electOne(unbalanced(), PREFERRED, 7)).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  })
  test('for all partitions the answer leaves out those that need none', () => {
    expect(elect(unbalanced(), { electionType: PREFERRED, topicPartitions: null })).toMatchObject({
      errorCode: 0,
      replicaElectionResults: [
        { topic: 'orders', partitionResult: [{ partitionId: 0, errorCode: 0, errorMessage: null }] },
      ],
    })
  })
})

describe('ElectLeaders: unclean', () => {
  const leaderless = () => {
    const state = controllerWith()
    addTopic(state, [[1, 2, 3]])
    for (const id of [2, 3, 1]) fenceBroker(state, id)
    return state
  }
  test('any living replica leads, also where the topic does not allow it by itself', () => {
    const state = leaderless()
    start(state, 3)
    expect(electOne(state, UNCLEAN)).toBe(ErrorCode.NONE)
    expect(partitionOf(state)).toMatchObject({ leader: 3, isr: [3], leaderRecoveryState: 'recovering' })
  })
  test('no replica is alive: ELIGIBLE_LEADERS_NOT_AVAILABLE', () => {
    expect(electOne(leaderless(), UNCLEAN)).toBe(ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE)
  })
  test('there is a leader: ELECTION_NOT_NEEDED', () => {
    expect(electOne(unbalanced(), UNCLEAN)).toBe(ErrorCode.ELECTION_NOT_NEEDED)
  })
  test('an unknown election type is INVALID_REQUEST, for the whole and for each', () => {
    const topicPartitions = [{ topic: 'orders', partitions: [0, 1] }]
    const answer = elect(unbalanced(), { electionType: 7, topicPartitions })
    expect(answer.errorCode).toBe(ErrorCode.INVALID_REQUEST)
    expect(answer.replicaElectionResults[0]?.partitionResult.map(({ errorCode }) => errorCode)).toEqual([
      ErrorCode.INVALID_REQUEST,
      ErrorCode.INVALID_REQUEST,
    ])
  })
})

test('a broker forwards ElectLeaders, in any version; before v1 it is of preferred leaders', () => {
  const bench = createBench({ orders: 1 })
  for (const version of [0, 1, 2]) {
    const body = makeElectLeadersRequest({ topicPartitions: [{ topic: 'orders', partitions: [0] }] })
    expect(bench.ask('ElectLeaders', version, body).replicaElectionResults[0]?.partitionResult[0]?.errorCode).toBe(
      ErrorCode.ELECTION_NOT_NEEDED,
    )
  }
})

describe('auto.leader.rebalance.enable', () => {
  test('every leader.imbalance.check.interval.seconds leadership goes back to preferred replicas in sync', () => {
    const state = unbalanced()
    expect(rebalanceDueInMs(state)).toBe(300_000)
    expect(rebalanceLeaders(state)).toMatchObject([{ partition: 0, leader: 1 }])
    expect(rebalanceDueInMs(state)).toBeNull()
    expect(rebalanceLeaders(state)).toEqual([])
  })
  test('not while the preferred replica is out of sync', () => {
    expect(rebalanceLeaders(afterRestart())).toEqual([])
  })
  test('off: never', () => {
    const state = controllerWith({ config: { 'auto.leader.rebalance.enable': 'false' } })
    addTopic(state, [[1, 2, 3]])
    fenceBroker(state, 1)
    expect(rebalanceDueInMs(state)).toBeNull()
  })
})

describe('configurations that change what partitions are', () => {
  const set = (state: ControllerState, name: string, value: string, resourceType = 2, resourceName = 'orders') =>
    stepController(
      state,
      {
        api: 'IncrementalAlterConfigs',
        changes: [{ resourceType, resourceName, replaces: false, entries: [{ name, operation: 0, value }] }],
        validateOnly: false,
        refused: [null],
      },
      () => '',
    )
  const leaderless = () => {
    const state = controllerWith()
    addTopic(state, [[1, 2, 3]])
    for (const id of [2, 3, 1]) fenceBroker(state, id)
    start(state, 3)
    return state
  }
  test('A4: unclean.leader.election.enable set while a partition is leaderless elects at once', () => {
    const state = leaderless()
    expect(partitionOf(state).leader).toBe(-1)
    set(state, 'unclean.leader.election.enable', 'true')
    expect(partitionOf(state)).toMatchObject({ leader: 3, isr: [3], leaderRecoveryState: 'recovering' })
  })
  test('also set for all brokers', () => {
    const state = leaderless()
    set(state, 'unclean.leader.election.enable', 'true', 4, '')
    expect(partitionOf(state)).toMatchObject({ leader: 3, isr: [3] })
  })
  test('KIP-966: another min.insync.replicas makes everybody forget who was eligible', () => {
    const state = controllerWith()
    addTopic(state, [[1, 2, 3]], { 'min.insync.replicas': '2' })
    for (const id of [3, 2]) fenceBroker(state, id)
    expect(partitionOf(state)).toMatchObject({ isr: [1], elr: [2] })
    set(state, 'min.insync.replicas', '1')
    expect(partitionOf(state)).toMatchObject({ isr: [1], elr: [], leader: 1, leaderEpoch: 0 })
  })
})
