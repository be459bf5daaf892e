import { expect, test } from 'vitest'
import { TrappedError, withTraps } from '../support/traps.ts'

test('clocks, timers and chance throw while the traps are set, and work again afterwards', async () => {
  await withTraps(() => {
    expect(() => Date.now()).toThrow(TrappedError)
    expect(() => new Date()).toThrow(TrappedError)
    expect(() => Math.random()).toThrow(TrappedError)
    expect(() => performance.now()).toThrow(TrappedError)
    expect(() => setTimeout(() => {}, 1)).toThrow(TrappedError)
    expect(new Date(0).toISOString()).toBe('1970-01-01T00:00:00.000Z')
  })
  expect(Date.now()).toBeGreaterThan(0)
  expect(Math.random()).toBeLessThan(1)
  expect(new Date()).toBeInstanceOf(Date)
})

test('the traps are removed when the code throws', async () => {
  await expect(withTraps(() => Promise.reject(new Error('x')))).rejects.toThrow('x')
  expect(Date.now()).toBeGreaterThan(0)
})

test('a name on the list is left alone', async () => {
  await withTraps(() => expect(Date.now()).toBeGreaterThan(0), { allow: ['Date'] })
})
