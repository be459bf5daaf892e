import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { benignChooser, type Chooser, exhaustiveChooser, replayChooser, seededChooser } from '../../src/kernel/index.ts'

const drawMany = (chooser: Chooser) => {
  const out: number[] = []
  for (let i = 0; i < 50; i++) out.push(chooser.choose('network.latency', 64), chooser.choose('client.jitter', 3))
  return out
}

describe('choosers', () => {
  test('the benign one always answers 0', () => {
    expect(drawMany(benignChooser()).every((value) => value === 0)).toBe(true)
  })

  test('the same seed draws the same, another seed something else', () => {
    expect(drawMany(seededChooser(7))).toEqual(drawMany(seededChooser(7)))
    expect(drawMany(seededChooser(7))).not.toEqual(drawMany(seededChooser(8)))
    expect(drawMany(seededChooser('d89ee69'))).not.toEqual(drawMany(seededChooser('d89ee68')))
  })

  test('the numbers are the same on every machine', () => {
    const chooser = seededChooser(42)
    expect(Array.from({ length: 8 }, () => chooser.choose('network.x', 1000))).toMatchInlineSnapshot(`
      [
        70,
        270,
        847,
        708,
        997,
        536,
        722,
        669,
      ]
    `)
  })

  test('streams do not shift each other', () => {
    const alone = seededChooser(1)
    const mixed = seededChooser(1)
    const first = Array.from({ length: 20 }, () => alone.choose('network.latency', 100))
    const second = Array.from({ length: 20 }, () => {
      mixed.choose('faults.crash', 5)
      return mixed.choose('network.latency', 100)
    })
    expect(second).toEqual(first)
  })

  test('draws stay in range and reach every option', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 7 }), (seed, n) => {
        const chooser = seededChooser(seed)
        const seen = new Set(Array.from({ length: 300 }, () => chooser.choose('a', n)))
        expect([...seen].every((value) => value >= 0 && value < n)).toBe(true)
        expect(seen.size).toBe(n)
      }),
      { numRuns: 50 },
    )
  })

  test('a replay repeats what was recorded and is benign past its end', () => {
    const recorded = seededChooser(3)
    const values = drawMany(recorded)
    const replay = replayChooser(recorded.choices())
    expect(drawMany(replay)).toEqual(values)
    expect(replay.choose('network.latency', 64)).toBe(0)
  })

  test('a replay that no longer fits says so', () => {
    expect(() => replayChooser({ a: [5] }).choose('a.b', 3)).toThrow(
      /choice 0 of stream "a" was 5, but "a\.b" now has only 3 options/,
    )
  })

  test('the exhaustive one visits every combination once, the benign one first', () => {
    const all = exhaustiveChooser(10)
    const seen: string[] = []
    do {
      const chooser = all.chooser()
      const first = chooser.choose('a', 2)
      // What is asked next may depend on what came before.
      const rest = first === 0 ? [chooser.choose('b', 3)] : [chooser.choose('c', 2), chooser.choose('d', 2)]
      seen.push([first, ...rest].join(''))
    } while (all.next())
    expect(seen).toEqual(['00', '01', '02', '100', '101', '110', '111'])
    expect(all.runs()).toBe(7)
  })

  test('zero options are refused', () => {
    expect(() => benignChooser().choose('a', 0)).toThrow(/positive whole number/)
  })
})
