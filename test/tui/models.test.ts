import { describe, expect, test } from 'vitest'
import { partitionModels, stripCells, targetName, targetsOf } from '../../src/tui/models/cluster.ts'
import { logStrip } from '../../src/tui/models/log-strip.ts'
import { barCells, clock, groupModels, partitionBars, seconds } from '../../src/tui/models/sandbox.ts'
import { liveView, recording, replicaLog, wroteAgain } from './fixture.ts'

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

describe('the cluster view', () => {
  test('targets are the brokers, then the partitions', () => {
    expect(targetsOf(liveView).map(targetName)).toEqual(['1', '2', '3', 'orders-0', 'orders-1', 'orders-2'])
  })

  test('a replica leads, is in sync, behind, or its broker is down', () => {
    const [topic] = liveView.topics
    const [first] = topic?.partitions ?? []
    if (topic === undefined || first === undefined) throw new Error('the fixture has partitions')
    const logs = [1, 2, 3, 4].map((node) => replicaLog(node, node, 1))
    const nodes = [1, 2, 3, 4].map((id) => ({
      ...(liveView.nodes[0] as (typeof liveView.nodes)[number]),
      id,
      state: id === 4 ? ('fenced' as const) : ('up' as const),
    }))
    const partition = { ...first, leader: 1, isr: [1, 2], replicas: [1, 2, 3, 4], replicaLogs: logs }
    const [model] = partitionModels({ ...liveView, nodes, topics: [{ ...topic, partitions: [partition] }] })
    expect(model?.replicas.map(({ role }) => role)).toEqual(['leader', 'in-sync', 'behind', 'down'])
  })

  test('a strip has a cell an offset, and shows the last ones', () => {
    const leader = { node: 1, role: 'leader' as const, end: 12, highWatermark: 8 }
    const follower = { node: 2, role: 'behind' as const, end: 9, highWatermark: 7 }
    const both = [leader, follower]
    expect(stripCells(leader, both, 20)).toEqual({ first: 0, committed: 8, written: 4, missing: 0, blank: 8 })
    expect(stripCells(follower, both, 20)).toEqual({ first: 0, committed: 7, written: 2, missing: 3, blank: 8 })
    expect(stripCells(leader, both, 5)).toEqual({ first: 7, committed: 1, written: 4, missing: 0, blank: 0 })
    expect(stripCells(follower, both, 5)).toEqual({ first: 7, committed: 0, written: 2, missing: 3, blank: 0 })
    const empty = { node: 3, role: 'behind' as const, end: 0, highWatermark: 0 }
    expect(stripCells(empty, [empty], 5)).toEqual({ first: 0, committed: 0, written: 0, missing: 0, blank: 5 })
    expect(stripCells(empty, [...both, empty], 5)).toEqual({ first: 7, committed: 0, written: 0, missing: 5, blank: 0 })
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
