/** Brokers come, go and stop in order: ClusterControlManager, BrokerHeartbeatManager, handleBroker…. */
import { describe, expect, test } from 'vitest'
import {
  beginControlledShutdown,
  fenceBroker,
  hasCaughtUp,
  mayShutDown,
  newControllerEpoch,
  registerBroker,
  unfenceBroker,
} from '../../src/broker/index.ts'
import { addTopic, brokerOf, controllerWith, partitionOf, start } from './controller-support.ts'

const twoNeeded = { 'min.insync.replicas': '2' }
const uncleanAllowed = { 'unclean.leader.election.enable': 'true' }

describe('registerBroker', () => {
  test('gives a new broker epoch: the offset of its record in the metadata log', () => {
    const state = controllerWith({ brokers: 1 })
    expect(state.log[brokerOf(state, 1).epoch]).toMatchObject({ type: 'broker', id: 1, fenced: true })
    const first = brokerOf(state, 1).epoch
    start(state, 1)
    expect(brokerOf(state, 1).epoch).toBeGreaterThan(first)
    expect(state.log[brokerOf(state, 1).epoch]).toMatchObject({ type: 'broker', id: 1, fenced: true })
  })

  test('keeps the broker fenced until it has read its registration', () => {
    const state = controllerWith({ brokers: 1 })
    const offset = state.log.length
    registerBroker(state, { id: 2, host: 'h', port: 9093, rack: 'a', cleanShutdown: true })
    expect(brokerOf(state, 2)).toMatchObject({ fenced: true, rack: 'a', inControlledShutdown: false })
    expect(hasCaughtUp(state, 2, offset)).toBe(false)
    expect(hasCaughtUp(state, 2, offset + 1)).toBe(true)
    unfenceBroker(state, 2)
    expect(brokerOf(state, 2).fenced).toBe(false)
  })

  test('while the former incarnation is in service, that one ends first: others lead, and it is out of the ISR', () => {
    const state = controllerWith()
    addTopic(state, [[1, 2, 3]])
    registerBroker(state, { id: 1, host: 'h', port: 9092, rack: null, cleanShutdown: true })
    expect(partitionOf(state)).toMatchObject({ leader: 2, isr: [2, 3] })
  })
})

describe('handleBrokerFenced', () => {
  test('the broker leaves every ISR, and what it led goes to the next in-sync replica', () => {
    const state = controllerWith()
    addTopic(state, [
      [1, 2, 3],
      [2, 1, 3],
    ])
    fenceBroker(state, 1)
    expect(partitionOf(state, 0)).toMatchObject({ leader: 2, leaderEpoch: 1, isr: [2, 3] })
    expect(partitionOf(state, 1)).toMatchObject({ leader: 2, leaderEpoch: 0, isr: [2, 3] })
    expect(fenceBroker(state, 1)).toEqual([])
    expect(fenceBroker(state, 9)).toEqual([])
  })

  test('before KIP-966 the last in-sync replica stays in the ISR, and leads again when it comes back', () => {
    const state = controllerWith({ switches: { elr: false } })
    addTopic(state, [[1, 2, 3]])
    for (const id of [3, 2, 1]) fenceBroker(state, id)
    expect(partitionOf(state)).toMatchObject({ leader: -1, isr: [1] })
    start(state, 2)
    expect(partitionOf(state)).toMatchObject({ leader: -1, isr: [1] })
    start(state, 1)
    expect(partitionOf(state)).toMatchObject({ leader: 1, isr: [1] })
  })
})

describe('A4: unclean election', () => {
  for (const elr of [false, true]) {
    test(`allowed: a replica that lacks data leads, and is the ISR alone${elr ? ' (with KIP-966)' : ''}`, () => {
      const state = controllerWith({ switches: { elr } })
      addTopic(state, [[1, 2, 3]], uncleanAllowed)
      for (const id of [2, 3]) fenceBroker(state, id)
      start(state, 2)
      fenceBroker(state, 1)
      expect(partitionOf(state)).toMatchObject({ leader: 2, isr: [2], elr: [], leaderRecoveryState: 'recovering' })
    })
    test(`not allowed: the partition is offline until the last in-sync replica is back${elr ? ' (with KIP-966)' : ''}`, () => {
      const state = controllerWith({ switches: { elr } })
      addTopic(state, [[1, 2, 3]])
      for (const id of [2, 3]) fenceBroker(state, id)
      start(state, 2)
      fenceBroker(state, 1)
      expect(partitionOf(state)).toMatchObject({ leader: -1, leaderRecoveryState: 'recovered' })
      start(state, 1)
      expect(partitionOf(state)).toMatchObject({ leader: 1, isr: [1], leaderRecoveryState: 'recovered' })
    })
  }
})

describe('A5: the last replica standing (KIP-966)', () => {
  /** 3 and 2 leave, 1 stands alone; then it dies and comes back without the end of its log. */
  const lastStandingDies = (elr: boolean) => {
    const state = controllerWith({ switches: { elr } })
    addTopic(state, [[1, 2, 3]], twoNeeded)
    for (const id of [3, 2, 1]) fenceBroker(state, id)
    start(state, 1, false)
    return state
  }
  test('without ELR it is elected again: the others will truncate what was committed', () => {
    expect(partitionOf(lastStandingDies(false))).toMatchObject({ leader: 1, isr: [1] })
  })
  test('with ELR it is no longer eligible; who left below min.insync.replicas, and lost nothing, leads', () => {
    const state = lastStandingDies(true)
    expect(partitionOf(state)).toMatchObject({ leader: -1, isr: [], elr: [2] })
    start(state, 2, true)
    expect(partitionOf(state)).toMatchObject({ leader: 2, isr: [2], elr: [], leaderRecoveryState: 'recovered' })
  })
  test('with ELR and a clean stop it is still eligible', () => {
    const state = controllerWith()
    addTopic(state, [[1, 2, 3]], twoNeeded)
    for (const id of [3, 2, 1]) fenceBroker(state, id)
    start(state, 1, true)
    expect(partitionOf(state)).toMatchObject({ leader: 1, isr: [1], elr: [2] })
  })
  test('balanced recovery: when all that were eligible lost data, the last leader leads, and says it is recovering', () => {
    const state = lastStandingDies(true)
    fenceBroker(state, 1)
    start(state, 2, false)
    expect(partitionOf(state)).toMatchObject({ leader: -1, isr: [], elr: [], lastKnownElr: [1] })
    start(state, 1, false)
    expect(partitionOf(state)).toMatchObject({
      leader: 1,
      isr: [1],
      elr: [],
      lastKnownElr: [],
      leaderRecoveryState: 'recovering',
    })
  })
  test('a replica outside the ELR waits, be it the only one alive', () => {
    const state = controllerWith()
    addTopic(state, [[1, 2, 3]], twoNeeded)
    for (const id of [3, 2, 1]) fenceBroker(state, id)
    start(state, 3)
    expect(partitionOf(state)).toMatchObject({ leader: -1, elr: [1, 2] })
  })
})

describe('A29, KIP-841: controlled shutdown', () => {
  test('what the broker leads goes to others and it leaves the ISRs while it is still in service', () => {
    const state = controllerWith()
    addTopic(state, [
      [1, 2, 3],
      [2, 3, 1],
    ])
    beginControlledShutdown(state, 1)
    expect(brokerOf(state, 1)).toMatchObject({ fenced: false, inControlledShutdown: true })
    expect(partitionOf(state, 0)).toMatchObject({ leader: 2, isr: [2, 3] })
    expect(partitionOf(state, 1)).toMatchObject({ leader: 2, isr: [2, 3] })
    expect(beginControlledShutdown(state, 1)).toEqual([])
  })
  test('it may stop once every broker in service has read about it', () => {
    const state = controllerWith()
    addTopic(state, [[1, 2, 3]])
    const before = state.log.length
    beginControlledShutdown(state, 1)
    expect(mayShutDown(state, 1, before)).toBe(false)
    expect(mayShutDown(state, 1, state.log.length)).toBe(true)
  })
  test('with nothing to hand over it is fenced at once and may stop', () => {
    const state = controllerWith()
    addTopic(state, [[1, 2, 3]])
    beginControlledShutdown(state, 3)
    expect(brokerOf(state, 3).fenced).toBe(true)
    expect(partitionOf(state).isr).toEqual([1, 2])
    expect(mayShutDown(state, 3, 0)).toBe(true)
  })
  test('what nobody else can lead has no leader; clean, it comes back with its data', () => {
    const state = controllerWith({ brokers: 1 })
    addTopic(state, [[1]])
    beginControlledShutdown(state, 1)
    expect(partitionOf(state)).toMatchObject({ leader: -1, isr: [], elr: [1] })
    expect(mayShutDown(state, 1, state.log.length)).toBe(true)
    fenceBroker(state, 1)
    start(state, 1, true)
    expect(partitionOf(state)).toMatchObject({ leader: 1, isr: [1] })
    expect(brokerOf(state, 1).inControlledShutdown).toBe(false)
  })
  test('it is no leader for new partitions and no member of their ISR', () => {
    const state = controllerWith()
    addTopic(state, [[1, 2, 3]], {}, 'first')
    beginControlledShutdown(state, 1)
    addTopic(state, [[1, 2, 3]])
    expect(partitionOf(state)).toMatchObject({ leader: 2, isr: [2, 3] })
  })
  test('a fenced or unknown broker may stop; one that never asked may not', () => {
    const state = controllerWith()
    addTopic(state, [[1, 2, 3]])
    fenceBroker(state, 3)
    expect(beginControlledShutdown(state, 3)).toEqual([])
    expect(mayShutDown(state, 3, 0)).toBe(true)
    expect(mayShutDown(state, 9, 0)).toBe(true)
    expect(mayShutDown(state, 1, state.log.length)).toBe(false)
  })
})

describe('R1, MetadataLogMatching: the image is what the log says', () => {
  test('another controller that replays the log from scratch knows the same, at any time', () => {
    const state = controllerWith()
    const same = () => {
      const next = newControllerEpoch(state)
      expect(next.epoch).toBe(state.epoch + 1)
      expect(next.image).toEqual(state.image)
      expect(next.log).toEqual(state.log)
    }
    addTopic(state, [[1, 2, 3]], twoNeeded)
    same()
    beginControlledShutdown(state, 1)
    same()
    expect(mayShutDown(newControllerEpoch(state), 1, state.log.length)).toBe(true)
    for (const id of [1, 2, 3]) fenceBroker(state, id)
    same()
    start(state, 3, false)
    same()
  })
  test('the former controller’s log is not shared: what it still appends does not reach the next one', () => {
    const state = controllerWith()
    const next = newControllerEpoch(state)
    fenceBroker(state, 1)
    expect(next.log.length).toBeLessThan(state.log.length)
    expect(brokerOf(next, 1).fenced).toBe(false)
  })
})
