/** Placement: the goals of StripedReplicaPlacer, without chance. */
import { describe, expect, test } from 'vitest'
import { type ControllerState, fenceBroker, stepController } from '../../src/broker/index.ts'
import { makeCreatableTopic, makeCreateTopicsRequest } from '../../src/protocol/make.ts'
import type { CreateTopicsResponse } from '../../src/protocol/messages.ts'
import { controllerWith } from './controller-support.ts'

const place = (state: ControllerState, numPartitions: number, replicationFactor: number) => {
  const topics = [makeCreatableTopic({ name: 'orders', numPartitions, replicationFactor })]
  const request = { api: 'CreateTopics', body: makeCreateTopicsRequest({ topics }), internal: false } as const
  const { response } = stepController(state, request, () => 'id')
  const result = (response as CreateTopicsResponse).topics[0]
  return result?.errorCode !== 0
    ? result?.errorMessage
    : state.image.topics.get('orders')?.partitions.map(({ replicas }) => replicas)
}
const rackOf = (state: ControllerState) => (id: number) => state.image.brokers.get(id)?.rack

describe('placement', () => {
  test('without racks successive partitions go round the brokers', () => {
    expect(place(controllerWith(), 4, 2)).toEqual([
      [1, 2],
      [2, 3],
      [3, 1],
      [1, 2],
    ])
  })

  test('replicas of a partition stand on different racks', () => {
    const state = controllerWith({ brokers: 6, racks: ['a', 'a', 'b', 'b', 'c', 'c'] })
    const placed = place(state, 12, 3) as number[][]
    for (const replicas of placed) expect(new Set(replicas.map(rackOf(state))).size).toBe(3)
  })

  test('leaders and replicas are spread evenly over racks and brokers', () => {
    const state = controllerWith({ brokers: 6, racks: ['a', 'a', 'b', 'b', 'c', 'c'] })
    const placed = place(state, 12, 3) as number[][]
    const count = (ids: readonly number[]) => [1, 2, 3, 4, 5, 6].map((id) => ids.filter((other) => other === id).length)
    expect(count(placed.map(([leader]) => leader as number))).toEqual([2, 2, 2, 2, 2, 2])
    expect(count(placed.flat())).toEqual([6, 6, 6, 6, 6, 6])
  })

  test('with more replicas than racks, a rack gets a second one only when every rack has one', () => {
    const state = controllerWith({ brokers: 4, racks: ['a', 'a', 'b', 'b'] })
    const placed = place(state, 4, 3) as number[][]
    for (const replicas of placed) {
      expect(new Set(replicas.slice(0, 2).map(rackOf(state))).size).toBe(2)
      expect(new Set(replicas).size).toBe(3)
    }
  })

  test('racks of unequal size: the small one is in every partition, every broker at most once', () => {
    const state = controllerWith({ brokers: 4, racks: ['a', 'a', 'a', 'b'] })
    const placed = place(state, 6, 4) as number[][]
    for (const replicas of placed) expect([...replicas].sort()).toEqual([1, 2, 3, 4])
  })

  test('a fenced broker gets a replica only when there is no other, and never leads', () => {
    const state = controllerWith()
    fenceBroker(state, 2)
    expect(place(state, 3, 2)).toEqual([
      [1, 3],
      [3, 1],
      [1, 3],
    ])
    const all = controllerWith()
    fenceBroker(all, 1)
    expect(place(all, 2, 3)).toEqual([
      [2, 3, 1],
      [3, 2, 1],
    ])
    expect(all.image.topics.get('orders')?.partitions[0]).toMatchObject({ isr: [2, 3], leader: 2 })
  })

  test('more replicas than registered brokers, and nobody in service, are INVALID_REPLICATION_FACTOR', () => {
    expect(place(controllerWith(), 1, 4)).toMatch(/replication factor of 4 cannot be reached: 3 broker/)
    const state = controllerWith()
    for (const id of [1, 2, 3]) fenceBroker(state, id)
    expect(place(state, 1, 1)).toMatch(/out of service/)
  })
})
