/** Links between brokers and the controller: order (law K5), what waits, and to whom a message belongs (law K3). */
import { describe, expect, test } from 'vitest'
import { brokerConfig, fenceBroker, switchesOf, unfenceBroker } from '../../src/broker/index.ts'
import { announce, heartbeatArrived, registerAtStart } from '../../src/cluster/controller.ts'
import { cutLink, healLink, slowLink, transmit } from '../../src/cluster/links.ts'
import { endNode, peerMessageArrived, restartNode } from '../../src/cluster/nodes.ts'
import { createWorld, type NodeRuntime, type World, type WorldOptions } from '../../src/cluster/world.ts'
import { pop, seededChooser } from '../../src/kernel/index.ts'

const host: WorldOptions['host'] = {
  turns: () => {},
  wallNow: () => 0,
  dateNow: () => 0,
  later: () => () => {},
  warn: () => {},
  onExit: () => () => {},
  decompress: (_, bytes) => bytes,
  chunk: (bytes) => bytes,
  env: () => undefined,
}
/** Two brokers, and latencies as the seed draws them: 1 to 100 ms. */
const worldOf = (seed: number): World =>
  createWorld({
    host,
    brokers: 2,
    racks: [],
    config: brokerConfig({}),
    switches: switchesOf('4.3'),
    kafkaVersion: '4.3',
    mode: 'manual',
    epoch: 0,
    patienceMs: 0,
    deadlineMs: 0,
    strict: false,
    chooser: seededChooser(seed),
    seeded: true,
    traceCapacity: 0,
    checksLaws: false,
  })
const send = (world: World, label: string) => transmit(world, 1, 2, { type: 'control', label, run: () => {} })
const arrivals = ({ queue }: World) => {
  const labels: string[] = []
  for (let event = pop(queue); event !== undefined; event = pop(queue))
    if (event.payload.type === 'control') labels.push(event.payload.label)
  return labels
}
const labels = (count: number) => Array.from({ length: count }, (_, i) => `${i}`)

describe('K5: what is sent over one link arrives in order', () => {
  test('whatever each message would take', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = worldOf(seed)
      for (const label of labels(50)) send(world, label)
      expect(arrivals(world)).toEqual(labels(50))
    }
  })

  test('also what waited for the link to be healed, and what is sent after that', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const world = worldOf(seed)
      for (const label of ['0', '1']) send(world, label)
      cutLink(world, 1, 2)
      for (const label of ['2', '3', '4']) send(world, label)
      expect(arrivals(world)).toEqual(['0', '1'])
      healLink(world, 1, 2)
      for (const label of ['5', '6']) send(world, label)
      expect(arrivals(world)).toEqual(['2', '3', '4', '5', '6'])
    }
  })

  test('also when the link was slow before', () => {
    const world = worldOf(1)
    slowLink(world, 1, 2, 5000)
    send(world, '0')
    healLink(world, 1, 2)
    send(world, '1')
    expect(arrivals(world)).toEqual(['0', '1'])
  })
})

test('between brokers a message waits for replica.socket.timeout.ms, then its connection is given up', () => {
  const world = worldOf(1)
  cutLink(world, 1, 2)
  send(world, 'old')
  world.now += 1
  send(world, 'young')
  world.now += 30_000
  healLink(world, 1, 2)
  expect(arrivals(world)).toEqual(['young'])
})

test('K3: a message to a broker that has died since does not reach its next incarnation', () => {
  const world = worldOf(1)
  const node = world.nodes.get(2) as NodeRuntime
  node.registered = true
  const fetch = { type: 'replica-fetch', follower: 1, ask: 1, topic: 'orders', partition: 0, offset: 0 } as const
  const rest = { lastEpoch: -1, leaderEpoch: 0, highWatermark: 0, brokerEpoch: -1, logStartOffset: 0 }
  const arrive = (incarnation: number) =>
    peerMessageArrived(world, { type: 'peer', from: 1, to: 2, incarnation, message: { ...fetch, ...rest } })
  const { incarnation } = node
  arrive(incarnation)
  expect(node.broker.earlyFetches).toHaveLength(1)
  endNode(world, node, { why: 'crash', unflushed: 'kept' })
  arrive(incarnation)
  restartNode(world, node)
  arrive(incarnation)
  expect(node.broker.earlyFetches).toHaveLength(0)
  arrive(node.incarnation)
  expect(node.broker.earlyFetches).toHaveLength(1)
})

describe('the controller and its brokers', () => {
  const bothRegistered = () => {
    const world = worldOf(1)
    for (const node of world.nodes.values()) registerAtStart(world, node)
    return world
  }
  const told = (world: World) => {
    const ids: number[] = []
    for (let event = pop(world.queue); event !== undefined; event = pop(world.queue))
      if (event.payload.type === 'metadata') ids.push(event.payload.node)
    return ids.sort()
  }
  test('R1: a broker hears of metadata only once it has registered (BrokerServer.startup)', () => {
    const world = bothRegistered()
    announce(world, fenceBroker(world.controller, 1))
    expect(told(world)).toEqual([1, 2])
    // It has started again, and cannot reach the controller yet.
    Object.assign(world.nodes.get(2) as NodeRuntime, { registered: false })
    announce(world, unfenceBroker(world.controller, 1))
    expect(told(world)).toEqual([1])
  })

  test('R9: a heartbeat of an earlier incarnation does not take the next one into service', () => {
    const world = bothRegistered()
    announce(world, fenceBroker(world.controller, 2))
    const node = world.nodes.get(2) as NodeRuntime
    node.broker.image.offset = world.controller.log.length
    const fenced = () => world.controller.image.brokers.get(2)?.fenced
    heartbeatArrived(world, 2, node.incarnation - 1)
    expect(fenced()).toBe(true)
    heartbeatArrived(world, 2, node.incarnation)
    expect(fenced()).toBe(false)
  })
})
