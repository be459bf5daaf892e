/** The TCP door under clients that do not read, that speak something else, and when its ports come and go. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Kafka, logLevel } from 'kafkajs'
import { afterEach, expect, test } from 'vitest'
import { type ClusterOptions, type ClusterServer, createCluster, type ListenOptions } from '../../src/index.ts'
import { decodeResponse, encodeRequest, FrameSplitter, frame } from '../../src/protocol/codec.ts'
import { makeFetchPartition, makeFetchRequest } from '../../src/protocol/make.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function open(options: ClusterOptions = {}, listen: ListenOptions = {}) {
  const cluster = createCluster(options)
  closers.push(() => cluster.dispose())
  const lines: string[] = []
  const server = await cluster.listen({ port: 0, log: (line) => lines.push(line), ...listen })
  closers.push(() => server.close())
  return { cluster, server, lines }
}

async function socketTo(server: ClusterServer, broker = 0): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: Number(server.brokers[broker]?.split(':')[1]) })
  closers.push(() => socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

async function framesOf(socket: Socket, count: number): Promise<Uint8Array[]> {
  const splitter = new FrameSplitter(1_000_000_000)
  const frames: Uint8Array[] = []
  for await (const bytes of socket) {
    splitter.push(bytes)
    for (let next = splitter.next(); next !== null; next = splitter.next()) frames.push(next)
    if (frames.length >= count) break
  }
  return frames
}

/** Everything of the partitions of `orders`. */
const fetchAll = (correlationId: number, partitions: readonly number[]) =>
  frame(
    encodeRequest(
      'Fetch',
      11,
      { correlationId, clientId: 'peer' },
      makeFetchRequest({
        maxWaitMs: 0,
        maxBytes: 2_000_000_000,
        topics: [
          {
            topic: 'orders',
            topicId: '',
            partitions: partitions.map((partition) =>
              makeFetchPartition({ partition, fetchOffset: 0, partitionMaxBytes: 100_000_000 }),
            ),
          },
        ],
      }),
    ),
  )

test('answers that come over a slow link to a client that does not read wait too', async () => {
  const { server, cluster } = await open({
    topics: { orders: { partitions: 1, config: { 'max.message.bytes': 4_000_000 } } },
  })
  for (let i = 0; i < 4; i++) await cluster.produce('orders', [{ value: 'x'.repeat(3_000_000) }])
  const socket = await socketTo(server)
  socket.pause()
  cluster.faults.slow(1, 'clients', 200, { oneWay: true })
  const before = process.memoryUsage().arrayBuffers
  socket.write(Buffer.concat(Array.from({ length: 32 }, (_, id) => fetchAll(id, [0]))))
  await new Promise((resolve) => setTimeout(resolve, 800))
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000_000)
  const frames = await framesOf(socket, 32)
  expect(frames.map((bytes) => new DataView(bytes.buffer, bytes.byteOffset).getInt32(0))).toEqual([...Array(32).keys()])
})

test('requests sent in one go by a client that does not read are held, and answered in order when it does', async () => {
  const { server, cluster } = await open({
    topics: { orders: { partitions: 1, config: { 'max.message.bytes': 4_000_000 } } },
  })
  for (let i = 0; i < 6; i++) await cluster.produce('orders', [{ value: 'x'.repeat(3_000_000) }])
  const socket = await socketTo(server)
  socket.pause()
  socket.write(Buffer.concat(Array.from({ length: 32 }, (_, id) => fetchAll(id, [0]))))
  await new Promise((resolve) => setTimeout(resolve, 400))
  // One of 18 MB is more than may be unread; what the two sockets hold is less than another.
  const served = cluster.trace.events().filter((event) => event.type === 'request' && event.api === 'Fetch').length
  expect(served).toBeLessThan(4)
  const frames = await framesOf(socket, 32)
  expect(frames.map((bytes) => new DataView(bytes.buffer, bytes.byteOffset).getInt32(0))).toEqual([...Array(32).keys()])
  expect(frames.every(({ length }) => length > 18_000_000)).toBe(true)
})

test('fetch.max.bytes bounds an answer, whatever the client asks for; the first batch comes all the same', async () => {
  const { server, cluster } = await open({ topics: { orders: 2 }, config: { 'fetch.max.bytes': '1024' } })
  for (const partition of [0, 1]) {
    for (let i = 0; i < 2; i++) await cluster.produce('orders', [{ partition, value: 'x'.repeat(2000) }])
  }
  const socket = await socketTo(server)
  socket.write(fetchAll(0, [0, 1]))
  const [bytes] = await framesOf(socket, 1)
  const { partitions } = decodeResponse('Fetch', 11, bytes as Uint8Array).body.responses[0] ?? { partitions: [] }
  expect(partitions.map(({ records }) => records?.length ?? 0)).toEqual([1, 0])
})

test.each([0, 1, 5, 20])('dispose() %i turns after listen() leaves no port open', async (turns) => {
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const { port } = free.address() as { port: number }
  free.close()
  await once(free, 'close')
  const cluster = createCluster({ brokers: 3 })
  const opened = cluster.listen({ port, log: () => {} })
  const outcome = opened.then(
    (server) => server,
    (error: unknown) => error,
  )
  for (let i = 0; i < turns; i++) await new Promise((resolve) => setImmediate(resolve))
  await cluster.dispose()
  const result = await outcome
  // Later than at once it may have been open before the end.
  if (turns === 0 || result instanceof Error) expect(result).toMatchObject({ code: 'KAFKARIUM_DISPOSED' })
  for (const at of [port, port + 1, port + 2]) {
    const socket = connect({ host: '127.0.0.1', port: at })
    const [error] = await once(socket, 'error').catch((caught) => [caught])
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  }
})

test('a broker that is down refuses, and is back at the same port; so does one that was down before', async () => {
  const { server, cluster, lines } = await open({ brokers: 2 })
  const refusal = (broker: number) => socketTo(server, broker).catch((error: { code: string }) => error.code)
  cluster.faults.crash(2)
  expect(await refusal(1)).toBe('ECONNREFUSED')
  cluster.faults.restart(2)
  expect(await refusal(1)).toMatchObject({ readyState: 'open' })

  cluster.faults.crash(2)
  const second = await cluster.listen({ port: 0 })
  closers.push(() => second.close())
  expect(await socketTo(second, 1).catch((error: { code: string }) => error.code)).toBe('ECONNREFUSED')
  cluster.faults.restart(2)
  expect(await socketTo(second, 1)).toMatchObject({ readyState: 'open' })

  cluster.faults.crash(2)
  await server.close()
  cluster.faults.restart(2)
  expect(await refusal(1)).toBe('ECONNREFUSED')
  expect(lines).toEqual([])
})

test('a port that somebody took while its broker was down is said', async () => {
  const { server, cluster, lines } = await open({ brokers: 2 })
  cluster.faults.crash(2)
  const port = Number(server.brokers[1]?.split(':')[1])
  const thief = createServer().listen(port, '127.0.0.1')
  closers.push(() => thief.close())
  await once(thief, 'listening')
  cluster.faults.restart(2)
  await expect
    .poll(() => lines)
    .toEqual([expect.stringMatching(/^broker 2 is up again, and nobody reaches it: .*EADDRINUSE/)])
})

test('a transaction of kafkajs outlives a crash of its coordinator, as with Kafka', async () => {
  const { server, cluster } = await open({ brokers: 3, seed: 7, topics: { orders: { replicationFactor: 3 } } })
  const kafka = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ transactionalId: 'shop', idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  closers.push(() => producer.disconnect())
  const transaction = await producer.transaction()
  await transaction.send({ topic: 'orders', messages: [{ value: 'one' }] })
  const coordinator = cluster.view().transactions[0]?.coordinator as number
  cluster.faults.crash(coordinator)
  setTimeout(() => cluster.faults.restart(coordinator), 500)
  await transaction.commit()
  await cluster.until(() => cluster.view().transactions[0]?.state === 'CompleteCommit')
})
