/** How programs that use the cluster end: by themselves when nothing is due, with a reason when they are stuck. */
import { spawn } from 'node:child_process'
import { describe, expect, test } from 'vitest'

/** Runs a program in a Node of its own. */
function run(source: string): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', '--conditions=kafkarium-source', '--input-type=module', '-e', source],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env.PATH, NODE_ENV: 'development', NO_COLOR: '1' },
      },
    )
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
    })
    child.stderr.on('data', (chunk) => {
      err += chunk
    })
    const killer = setTimeout(() => child.kill(), 15_000)
    child.on('error', reject)
    child.on('close', (code) => {
      clearTimeout(killer)
      resolve({ code, out, err })
    })
  })
}

const CONSUMER = `
  import { createCluster } from 'kafkarium'
  const cluster = createCluster({ topics: { orders: 1 } })
  const consumer = cluster.kafka().consumer({ groupId: 'g' })
  await consumer.connect()
  await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => console.log(String(message.value)) })
`

describe('the end of a program', () => {
  test('a running consumer with nothing due does not keep the process alive', async () => {
    const { code, out, err } = await run(`${CONSUMER}; await cluster.produce('orders', ['hello'])`)
    expect({ code, out, err }).toEqual({ code: 0, out: 'hello\n', err: '' })
  }, 20_000)

  test('a program that waits for what never comes ends, and one line says why', async () => {
    const { code, err } = await run(`${CONSUMER}; await new Promise(() => {})`)
    expect(code).toBe(13)
    const lines = err.split('\n').filter((line) => line.startsWith('[kafkarium]'))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(
      /The program ended while something still waited for the cluster.*Next: a long poll ends in .*cluster\.advance/,
    )
  }, 20_000)

  test('a wall cluster ends at once when it is disposed, and a wait keeps it alive until then', async () => {
    const { code, out } = await run(`
      import { createCluster } from 'kafkarium'
      const cluster = createCluster({ topics: { orders: 1 }, time: 'wall', speed: 100 })
      const worker = cluster.process('worker', async ({ kafka }) => {
        const consumer = kafka.consumer({ groupId: 'g' })
        await consumer.connect()
        await consumer.subscribe({ topics: ['orders'] })
        await consumer.run({ eachMessage: async () => {} })
      })
      await worker.ready
      worker.crash()
      const before = cluster.now
      await cluster.until(() => cluster.now - before > 5000)
      cluster.speed = 1
      await cluster.dispose()
      console.log('disposed')
    `)
    expect({ code, out }).toEqual({ code: 0, out: 'disposed\n' })
  }, 10_000)

  test('a wall cluster with only ticking timers does not keep the process alive either', async () => {
    const { code, out } = await run(`
      import { createCluster } from 'kafkarium'
      const cluster = createCluster({ topics: { orders: 1 }, time: 'wall' })
      await cluster.produce('orders', ['x'])
      console.log(cluster.topic('orders').records().length)
    `)
    expect({ code, out }).toEqual({ code: 0, out: '1\n' })
  }, 20_000)
})
