/** A partition's progress stands for the time it is assigned without a break. */
import { expect, test } from 'vitest'
import { Positions } from '../../src/client/consumer/positions.ts'

test('what stays keeps its progress; what went and came back has a new one, and both are told of', () => {
  const positions = new Positions()
  const changes: string[] = []
  const assign = (...orders: number[]) =>
    positions.assign(new Map([['orders', orders]]), (topic, partition) => changes.push(`${topic}-${partition}`))
  assign(0, 1)
  expect(changes.splice(0)).toEqual(['orders-0', 'orders-1'])
  const [kept, gone] = [positions.of('orders', 0), positions.of('orders', 1)]
  assign(0, 2)
  expect(changes.splice(0)).toEqual(['orders-2', 'orders-1'])
  expect(positions.of('orders', 1)).toBeUndefined()
  assign(0, 1, 2)
  expect(changes).toEqual(['orders-1'])
  expect(positions.of('orders', 0)).toBe(kept)
  // Fetched for the time before: recognised by it.
  expect(positions.of('orders', 1)).not.toBe(gone)
})
