/** The program's timers on virtual time, where they have to be as Node's are, and what the host makes of them once control is over. */
import { afterEach, expect, test } from 'vitest'
import { createCluster } from '../../src/index.ts'

const clusters: ReturnType<typeof createCluster>[] = []
function make(options: Parameters<typeof createCluster>[0] = {}) {
  const cluster = createCluster(options)
  clusters.push(cluster)
  return cluster
}
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster.dispose()
})

test('a date says whose it is, under control and after it', () => {
  const Real = Date
  const before = Object.getOwnPropertyDescriptor(Date.prototype, 'constructor')
  const old = new Date()
  const control = make().controlTime()
  const Program = Date
  expect(Program).not.toBe(Real)
  const made = new Date()
  class Day extends Date {}
  for (const date of [old, made, new Real(), new Day()]) {
    expect(date instanceof Date).toBe(true)
    expect(date instanceof Real).toBe(true)
  }
  for (const date of [old, made, new Real()]) expect(date.constructor === Date).toBe(true)
  expect(new Day().constructor).toBe(Day)
  expect(Date.prototype.constructor).toBe(Date)
  expect(Object.keys(Date.prototype)).toEqual([])
  control.release()
  expect(Object.getOwnPropertyDescriptor(Date.prototype, 'constructor')).toEqual(before)
  for (const date of [old, made, new Date(), new Program()]) {
    expect(date.constructor === Real).toBe(true)
    expect(date instanceof Program && date instanceof Date).toBe(true)
  }
})
