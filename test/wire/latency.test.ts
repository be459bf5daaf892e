/** What a message of a byte client takes: nothing of ours at the wall's pace, a slow link always, and never less than nothing. */
import { afterEach, expect, test } from 'vitest'
import { type Cluster, type ClusterOptions, createCluster, type WireSocket } from '../../src/index.ts'
import { encodeRequest, frame } from '../../src/protocol/codec.ts'
import { makeApiVersionsRequest, makeFetchRequest } from '../../src/protocol/make.ts'

const closers: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

const ASK = frame(encodeRequest('ApiVersions', 2, { correlationId: 1, clientId: 'x' }, makeApiVersionsRequest()))

async function open(options: ClusterOptions): Promise<{ cluster: Cluster; ask: (bytes: Uint8Array) => Promise<void> }> {
  const cluster = createCluster(options)
  closers.push(() => cluster.dispose())
  return { cluster, ask: await socketOf(cluster) }
}

async function socketOf(cluster: Cluster): Promise<(bytes: Uint8Array) => Promise<void>> {
  const socket = await new Promise<WireSocket>((resolve) => {
    const made = cluster.socketFactory({ host: 'localhost', port: 9092, onConnect: () => resolve(made) }) as WireSocket
  })
  closers.push(() => void socket.end())
  return (bytes) =>
    new Promise((resolve) => {
      socket.once('data', () => resolve())
      socket.write(bytes)
    })
}

/** Virtual milliseconds; at the wall's pace at most the real ones. */
const took = async (cluster: Cluster, run: () => Promise<void>) => {
  const start = cluster.now
  await run()
  return cluster.now - start
}

test('at the wall’s pace a socket in process waits for no simulated network', async () => {
  // Here a simulated millisecond takes a real second.
  const { cluster, ask } = await open({ seed: 3, time: 'wall', speed: 0.001 })
  expect(
    await took(cluster, async () => {
      for (let n = 0; n < 50; n++) await ask(ASK)
    }),
  ).toBeLessThan(50)
})

test('a slow link slows it all the same', async () => {
  const { cluster, ask } = await open({ time: 'wall', speed: 10 })
  cluster.faults.slow('clients', 1, 300)
  expect(await took(cluster, () => ask(ASK))).toBeGreaterThanOrEqual(600)
})

test('a fetch that wants to wait less than nothing breaks no law', async () => {
  const cluster = createCluster({ seed: 1, laws: true, topics: { t: 1 } })
  closers.push(() => cluster.dispose())
  const control = cluster.controlTime()
  closers.push(() => control.release())
  const ask = await socketOf(cluster)
  const fetch = makeFetchRequest({ maxWaitMs: -2_000_000_000, minBytes: 1 })
  const start = cluster.now
  await ask(frame(encodeRequest('Fetch', 11, { correlationId: 2, clientId: 'x' }, fetch)))
  await cluster.advance(5000)
  expect(cluster.now).toBeGreaterThanOrEqual(start + 5000)
})
