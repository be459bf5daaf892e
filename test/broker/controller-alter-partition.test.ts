/** AlterPartition: what the controller accepts, and the errors of what it does not, in Kafka's order. */
import { describe, expect, test } from 'vitest'
import { alterPartition, beginControlledShutdown, fenceBroker } from '../../src/broker/index.ts'
import type { AlterPartition } from '../../src/broker/replication/messages.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  addTopic,
  brokerOf,
  type ControllerBenchOptions,
  controllerWith,
  partitionOf,
  start,
} from './controller-support.ts'

/** Broker 1 leads orders-0; broker 3 was away and is back, outside the ISR. */
function bench(options: ControllerBenchOptions = {}) {
  const state = controllerWith(options)
  addTopic(state, [[1, 2, 3]])
  fenceBroker(state, 3)
  start(state, 3)
  const propose = (change: Partial<AlterPartition> = {}, from = 1) => {
    const { leaderEpoch, partitionEpoch } = partitionOf(state)
    const before = state.log.length
    const result = alterPartition(state, from, {
      type: 'alter-partition',
      topicId: 'orders-id',
      partition: 0,
      leaderEpoch,
      partitionEpoch,
      isr: [1, 2, 3].map((brokerId) => ({ brokerId, brokerEpoch: brokerOf(state, brokerId).epoch })),
      leaderRecoveryState: 'recovered',
      brokerEpoch: brokerOf(state, 1).epoch,
      ...change,
    })
    if (result.records.length === 0) expect(state.log.length).toBe(before)
    return result.errorCode
  }
  return { state, propose }
}
const members = (...ids: number[]) => ids.map((brokerId) => ({ brokerId, brokerEpoch: -1 }))

describe('AlterPartition', () => {
  test('the leader of now, over what is known now: accepted, with the next partition epoch', () => {
    const { state, propose } = bench()
    const { partitionEpoch } = partitionOf(state)
    expect(propose()).toBe(ErrorCode.NONE)
    expect(partitionOf(state)).toMatchObject({ isr: [1, 2, 3], leader: 1, partitionEpoch: partitionEpoch + 1 })
  })

  test('an unknown topic id is UNKNOWN_TOPIC_ID, an unknown partition UNKNOWN_TOPIC_OR_PARTITION', () => {
    const { propose } = bench()
    expect(propose({ topicId: 'other' })).toBe(ErrorCode.UNKNOWN_TOPIC_ID)
    expect(propose({ partition: 1 })).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  })

  test('R9: another incarnation of the sender is STALE_BROKER_EPOCH, before anything else is looked at', () => {
    const { propose } = bench()
    expect(propose({ brokerEpoch: 999, topicId: 'other' })).toBe(ErrorCode.STALE_BROKER_EPOCH)
    expect(propose({}, 9)).toBe(ErrorCode.STALE_BROKER_EPOCH)
  })

  test('epochs that the controller has yet to reach are NOT_CONTROLLER', () => {
    const { state, propose } = bench()
    const { leaderEpoch, partitionEpoch } = partitionOf(state)
    expect(propose({ leaderEpoch: leaderEpoch + 1 })).toBe(ErrorCode.NOT_CONTROLLER)
    expect(propose({ partitionEpoch: partitionEpoch + 1 })).toBe(ErrorCode.NOT_CONTROLLER)
  })

  test('R9: an old leader epoch is FENCED_LEADER_EPOCH, an old partition epoch INVALID_UPDATE_VERSION', () => {
    const { state, propose } = bench()
    const { leaderEpoch, partitionEpoch } = partitionOf(state)
    expect(propose({ leaderEpoch: leaderEpoch - 1, partitionEpoch: partitionEpoch - 1 })).toBe(
      ErrorCode.FENCED_LEADER_EPOCH,
    )
    expect(propose({ partitionEpoch: partitionEpoch - 1 })).toBe(ErrorCode.INVALID_UPDATE_VERSION)
  })

  test('who does not lead may not: INVALID_REQUEST', () => {
    const { propose } = bench()
    expect(propose({ brokerEpoch: -1 }, 2)).toBe(ErrorCode.INVALID_REQUEST)
  })

  test('an ISR without the leader, with strangers or with doubles is INVALID_REQUEST', () => {
    const { propose } = bench()
    for (const isr of [members(2, 3), members(1, 9), members(1, 2, 2), []]) {
      expect(propose({ isr })).toBe(ErrorCode.INVALID_REQUEST)
    }
  })

  test('KIP-704: who says it is recovering may have nobody else in sync, and cannot fall back into it', () => {
    const { propose } = bench()
    expect(propose({ isr: members(1, 2), leaderRecoveryState: 'recovering' })).toBe(ErrorCode.INVALID_REQUEST)
    expect(propose({ isr: members(1), leaderRecoveryState: 'recovering' })).toBe(ErrorCode.INVALID_REQUEST)
  })

  test('KIP-704: a recovering leader says that it has recovered', () => {
    const state = controllerWith()
    addTopic(state, [[1, 2]], { 'unclean.leader.election.enable': 'true' })
    fenceBroker(state, 2)
    fenceBroker(state, 1)
    start(state, 2)
    expect(partitionOf(state)).toMatchObject({ leader: 2, leaderRecoveryState: 'recovering' })
    const { leaderEpoch, partitionEpoch } = partitionOf(state)
    alterPartition(state, 2, {
      type: 'alter-partition',
      topicId: 'orders-id',
      partition: 0,
      leaderEpoch,
      partitionEpoch,
      isr: members(2),
      leaderRecoveryState: 'recovered',
      brokerEpoch: -1,
    })
    expect(partitionOf(state).leaderRecoveryState).toBe('recovered')
  })

  test('R10, KIP-841: a fenced broker and one on its way out may not join: INELIGIBLE_REPLICA', () => {
    const fenced = bench()
    fenceBroker(fenced.state, 3)
    expect(fenced.propose()).toBe(ErrorCode.INELIGIBLE_REPLICA)
    const leaving = bench()
    addTopic(leaving.state, [[3, 1]], {}, 'other')
    beginControlledShutdown(leaving.state, 3)
    expect(leaving.propose()).toBe(ErrorCode.INELIGIBLE_REPLICA)
  })

  test('R10, KIP-903: another incarnation than the one the leader has seen may not join; -1 is not checked', () => {
    const { state, propose } = bench()
    const seen = [1, 2, 3].map((brokerId) => ({ brokerId, brokerEpoch: brokerOf(state, brokerId).epoch }))
    start(state, 3)
    expect(propose({ isr: seen })).toBe(ErrorCode.INELIGIBLE_REPLICA)
    expect(partitionOf(state).isr).toEqual([1, 2])
    expect(propose({ isr: members(1, 2, 3) })).toBe(ErrorCode.NONE)
  })

  test('KIP-903 off: a replica that restarted since gets in', () => {
    const { state, propose } = bench({ switches: { brokerEpochFencing: false } })
    const seen = [1, 2, 3].map((brokerId) => ({ brokerId, brokerEpoch: brokerOf(state, brokerId).epoch }))
    start(state, 3)
    expect(propose({ isr: seen })).toBe(ErrorCode.NONE)
    expect(partitionOf(state).isr).toEqual([1, 2, 3])
  })
})
