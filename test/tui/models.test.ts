import { describe, expect, test } from 'vitest'
import { logStrip } from '../../src/tui/models/log-strip.ts'
import { barCells, clock, groupModels, partitionBars, seconds } from '../../src/tui/models/sandbox.ts'
import { liveView, recording, wroteAgain } from './fixture.ts'

const stage = { topic: 'orders', partition: 0, groups: ['A', 'B'] }

describe('the log strip', () => {
  test('at every step it is what the events so far say', () => {
    const at = (count: number) => logStrip(stage, recording.frames, count)
    expect(at(0)).toEqual({
      name: 'orders-0',
      end: 0,
      groups: [
        { id: 'A', present: false, processed: [], bookmark: null },
        { id: 'B', present: false, processed: [], bookmark: null },
      ],
    })
    expect(at(4).end).toBe(4)
    expect(at(11).groups[0]?.present).toBe(true)
    expect(at(15).groups[0]).toEqual({
      id: 'A',
      present: true,
      processed: [1, 1, 1, 0, 0, 0, 0, 0, 0, 0],
      bookmark: null,
    })
    expect(at(23).groups[0]?.bookmark).toBe(10)
    expect(at(23).groups[1]?.present).toBe(false)
    expect(at(36).groups[1]?.bookmark).toBe(10)
  })

  test('other partitions and groups do not show', () => {
    expect(logStrip({ ...stage, partition: 1 }, recording.frames, 36)).toMatchObject({ end: 0 })
    expect(logStrip({ ...stage, groups: ['C'] }, recording.frames, 36).groups).toEqual([
      { id: 'C', present: false, processed: Array.from({ length: 10 }, () => 0), bookmark: null },
    ])
    expect(logStrip(stage, wroteAgain.frames, wroteAgain.frames.length).end).toBe(20)
  })
})

describe('the sandbox', () => {
  test('partitions without the internal topics', () => {
    expect(partitionBars(liveView).map(({ name, leader }) => `${name} ${leader}`)).toEqual([
      'orders-0 1',
      'orders-1 2',
      'orders-2 -1',
    ])
  })

  test('lag is summed over a member’s partitions; without a commit there is none', () => {
    const [group] = groupModels(liveView)
    expect(group?.members.map(({ client, lag, late }) => [client, lag, late])).toEqual([
      ['consumer-1', 3, false],
      ['consumer-2', 0, true],
      ['consumer-3', null, false],
    ])
  })

  test('a bar never vanishes while there is a record, and never grows beyond its room', () => {
    const bar = { name: 'a', leader: 1, highWatermark: 0, end: 0 }
    expect(barCells(bar, 0, 10)).toEqual({ readable: 0, pending: 0 })
    expect(barCells({ ...bar, highWatermark: 1, end: 1 }, 1000, 10)).toEqual({ readable: 1, pending: 0 })
    expect(barCells({ ...bar, highWatermark: 500, end: 1000 }, 1000, 10)).toEqual({ readable: 5, pending: 5 })
    expect(barCells({ ...bar, highWatermark: 1000, end: 1000 }, 1000, 10)).toEqual({ readable: 10, pending: 0 })
  })

  test('times', () => {
    expect(clock(0)).toBe('0:00.0')
    expect(clock(83_456)).toBe('1:23.4')
    expect(seconds(812)).toBe('0.8')
  })
})
