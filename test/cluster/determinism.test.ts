/** Same seed, same program: same trace, run after run and in another process. */
import { execFileSync } from 'node:child_process'
import { createCluster, runTwice } from 'kafkarium'
import { describe, expect, test } from 'vitest'
import { firstDifference } from '../../src/kernel/index.ts'
import { runWorkload } from './workload.ts'

describe('determinism', () => {
  test('200 seeds of three consumers, a kill and a rebalance: each run twice, the same trace', async () => {
    const hashes = new Set<string>()
    for (let seed = 1; seed <= 200; seed++) {
      const first = await runWorkload({ seed })
      const second = await runWorkload({ seed })
      if (first.hash !== second.hash) {
        const difference = firstDifference(first.events, second.events)
        throw new Error(`seed ${seed} does not repeat; first difference: ${JSON.stringify(difference)}`)
      }
      hashes.add(first.hash)
      expect([...first.handled].sort()).toEqual(first.sent)
    }
    // The seeds do make different runs.
    expect(hashes.size).toBe(200)
  }, 60_000)

  test('without a seed every choice is the benign one, so all runs are the same', async () => {
    const first = await runWorkload({})
    const second = await runWorkload({})
    expect(second.hash).toBe(first.hash)
    expect(first.choices).toEqual({})
  })

  test('another process gives the same hash', async () => {
    const here = await runWorkload({ seed: 42 })
    const there = execFileSync(
      process.execPath,
      ['--import', 'tsx', '--conditions=kafkarium-source', 'test/cluster/workload.ts', '42'],
      {
        encoding: 'utf8',
      },
    )
    expect(there.trim()).toBe(here.hash)
  }, 30_000)

  test('runTwice names the first event that differs', async () => {
    let runs = 0
    const program = (vary: boolean) => async () => {
      const cluster = createCluster({ topics: { orders: 1 }, trace: 'full' })
      await cluster.produce('orders', ['same'])
      await cluster.produce('orders', [vary ? `run ${++runs}` : 'same'])
      await cluster.dispose()
      return cluster
    }
    expect(await runTwice(program(false))).toMatch(/^[0-9a-f]{16}$/)
    await expect(runTwice(program(true))).rejects.toThrow(
      /does not repeat[\s\S]*Event \d+ differs:\n {2}first run: {2}\{"type":"append"/,
    )
  })

  test('reset starts the same world again', async () => {
    const cluster = createCluster({ topics: { orders: 1 }, seed: 5 })
    const run = async () => {
      await cluster.produce('orders', ['a', 'b'])
      await cluster.settle()
      return {
        hash: cluster.trace.hash,
        offsets: cluster
          .topic('orders')
          .records()
          .map(({ offset }) => offset),
      }
    }
    const first = await run()
    cluster.reset()
    expect(cluster.topic('orders').records()).toEqual([])
    expect(await run()).toEqual(first)
    expect(first.offsets).toEqual([0, 1])
    await cluster.dispose()
  })
})
