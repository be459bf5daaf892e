/** The TCP door: ports, answers in order, offenders, many connections, and its end. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type ClusterOptions, type ClusterServer, createCluster, type ListenOptions } from '../../src/index.ts'
import { decodeResponse, encodeRequest, FrameSplitter, frame } from '../../src/protocol/codec.ts'
import {
  makeApiVersionsRequest,
  makeFetchRequest,
  makeMetadataRequest,
  makeProduceRequest,
} from '../../src/protocol/make.ts'
import type { ApiName, RequestOf, ResponseOf } from '../../src/protocol/messages.ts'
import { encodeBatch } from '../../src/protocol/records.ts'

const SOFTWARE = { clientSoftwareName: 'peer', clientSoftwareVersion: '1' }

const closers: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function open(options: ClusterOptions = {}, listen: ListenOptions = {}) {
  const cluster = createCluster({ topics: { orders: 2 }, ...options })
  closers.push(() => cluster.dispose())
  const lines: string[] = []
  const server = await cluster.listen({ port: 0, log: (line) => lines.push(line), ...listen })
  closers.push(() => server.close())
  return { cluster, server, lines }
}

/** A client of bytes that knows what it asked. */
class Peer {
  readonly socket: Socket
  readonly #splitter = new FrameSplitter(100_000_000)
  readonly #frames: Uint8Array[] = []
  #wake: (() => void) | null = null
  #next = 0
  closed = false

  constructor(socket: Socket) {
    this.socket = socket
    closers.push(() => void socket.destroy())
    socket.on('data', (bytes) => {
      this.#splitter.push(bytes)
      for (let next = this.#splitter.next(); next !== null; next = this.#splitter.next()) this.#frames.push(next)
      this.#wake?.()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.#wake?.()
    })
  }

  static async to(server: ClusterServer, broker = 0): Promise<Peer> {
    const [host, port] = (server.brokers[broker] as string).split(':')
    const socket = connect({ host: host as string, port: Number(port) })
    await once(socket, 'connect')
    return new Peer(socket)
  }

  send<A extends ApiName>(api: A, version: number, body: RequestOf<A>): number {
    const correlationId = this.#next++
    this.socket.write(frame(encodeRequest(api, version, { correlationId, clientId: 'peer' }, body)))
    return correlationId
  }

  /** The next answer, as bytes; null when the connection was closed instead. */
  async answer(): Promise<Uint8Array | null> {
    while (this.#frames.length === 0) {
      if (this.closed) return null
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#frames.shift() ?? null
  }

  async ask<A extends ApiName>(api: A, version: number, body: RequestOf<A>): Promise<ResponseOf<A>> {
    const correlationId = this.send(api, version, body)
    const bytes = await this.answer()
    if (bytes === null) throw new Error('closed')
    const response = decodeResponse(api, version, bytes)
    expect(response.correlationId).toBe(correlationId)
    return response.body
  }
}

const produce = (value: string, acks = -1, partition = 0) =>
  makeProduceRequest({
    acks,
    timeoutMs: 1000,
    topicData: [
      {
        name: 'orders',
        topicId: '',
        partitionData: [{ index: partition, records: [encodeBatch([{ key: null, value, timestamp: 1 }])] }],
      },
    ],
  })

const fetch = (maxWaitMs: number) =>
  makeFetchRequest({
    maxWaitMs,
    minBytes: 1,
    topics: [{ topic: 'orders', topicId: '', partitions: [{ ...FETCH, partition: 1, fetchOffset: 0 }] }],
  })
const FETCH = {
  currentLeaderEpoch: -1,
  lastFetchedEpoch: -1,
  logStartOffset: -1,
  partitionMaxBytes: 1_000_000,
  replicaDirectoryId: 'AAAAAAAAAAAAAAAAAAAAAA',
  highWatermark: -1,
}

describe('ports', () => {
  test('every broker has one, and metadata tells them', async () => {
    const { server } = await open({ brokers: 3 })
    expect(server.brokers).toHaveLength(3)
    for (const broker of [0, 1, 2]) {
      const peer = await Peer.to(server, broker)
      const { brokers } = await peer.ask('Metadata', 9, makeMetadataRequest({ topics: [] }))
      expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual(server.brokers)
    }
    const peer = await Peer.to(server)
    const coordinator = await peer.ask('FindCoordinator', 4, {
      key: '',
      keyType: 0,
      coordinatorKeys: ['g'],
    })
    expect(coordinator.coordinators[0]).toMatchObject({ key: 'g' })
  })

  test('a port that is taken is said, and nothing stays open', async () => {
    const taken = createServer()
    taken.listen(0, '127.0.0.1')
    await once(taken, 'listening')
    closers.push(() => void taken.close())
    const { port } = taken.address() as { port: number }
    const cluster = createCluster({ brokers: 2 })
    closers.push(() => cluster.dispose())
    await expect(cluster.listen({ port: port - 1 })).rejects.toThrow(
      new RegExp(`port (${port - 1}|${port}) on 127.0.0.1 is in use, perhaps by another Kafka`),
    )
    await expect(cluster.listen({ port: 70_000 })).rejects.toThrow('70000 is no port')
  })

  test('disposing the cluster ends them', async () => {
    const { cluster, server } = await open()
    const peer = await Peer.to(server)
    await peer.ask('ApiVersions', 0, makeApiVersionsRequest(SOFTWARE))
    await cluster.dispose()
    expect(await peer.answer()).toBeNull()
    await server.close()
    await expect(Peer.to(server)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('answers', () => {
  test('come in the order of the requests, however many are sent at once and a slow one first', async () => {
    const { server } = await open()
    const peer = await Peer.to(server)
    const ids = [peer.send('Fetch', 11, fetch(300))]
    for (let i = 0; i < 200; i++) ids.push(peer.send('Produce', 7, produce(`v${i}`)))
    const answered: number[] = []
    for (const _ of ids) {
      const bytes = (await peer.answer()) as Uint8Array
      answered.push(new DataView(bytes.buffer, bytes.byteOffset).getInt32(0))
    }
    expect(answered).toEqual(ids)
  })

  test('acks=0 gets none, and the next request is answered', async () => {
    const { server, cluster } = await open()
    const peer = await Peer.to(server)
    for (let i = 0; i < 100; i++) peer.send('Produce', 7, produce(`v${i}`, 0))
    await peer.ask('ApiVersions', 2, makeApiVersionsRequest(SOFTWARE))
    expect(cluster.topic('orders').records(0)).toHaveLength(100)
  })

  test('a version nobody speaks: ApiVersions in version 0 with what it speaks, anything else a closed connection', async () => {
    const { server, lines } = await open()
    const peer = await Peer.to(server)
    // API 18, version 99, correlation id 7, no client id.
    peer.socket.write(frame(new Uint8Array([0, 18, 0, 99, 0, 0, 0, 7, 0xff, 0xff, 0])))
    const bytes = (await peer.answer()) as Uint8Array
    const { body, correlationId } = decodeResponse('ApiVersions', 0, bytes)
    expect(correlationId).toBe(7)
    expect(body.errorCode).toBe(35)
    expect(body.apiKeys).toEqual([{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
    peer.socket.write(frame(new Uint8Array([0, 3, 0, 99, 0, 0, 0, 8, 0xff, 0xff, 0])))
    expect(await peer.answer()).toBeNull()
    expect(lines).toEqual([expect.stringContaining('Metadata v99 that cannot be read: version 99 of Metadata')])
  })
})

test('a version that is newer than the release posed as: the same', async () => {
  const { server } = await open({ kafkaVersion: '3.8' })
  const peer = await Peer.to(server)
  peer.send('ApiVersions', 4, makeApiVersionsRequest(SOFTWARE))
  const { body } = decodeResponse('ApiVersions', 0, (await peer.answer()) as Uint8Array)
  expect(body).toMatchObject({ errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 3 }] })
  expect((await peer.ask('Metadata', 12, makeMetadataRequest({ topics: [] }))).brokers).toHaveLength(1)
  peer.send('Metadata', 13, makeMetadataRequest({ topics: [] }))
  expect(await peer.answer()).toBeNull()
})

describe('offenders', () => {
  test.each([
    ['a length above the limit', [0x7f, 0xff, 0xff, 0xff], 'a frame of 2147483647 bytes'],
    ['a negative length', [0xff, 0xff, 0xff, 0xff], 'a frame of -1 bytes'],
    ['an API that is none', [0, 0, 0, 10, 0x7f, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff], 'API 32512 v0'],
    ['a frame that ends too soon', [0, 0, 0, 3, 0, 3, 0], 'a frame that cannot be read'],
    [
      'HTTP',
      [...Buffer.from('GET / HTTP/1.1\r\n\r\n')],
      'an HTTP request ("GET "). This port speaks the protocol of Kafka only',
    ],
    ['a TLS hello', [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], 'a TLS handshake. TLS is not offered here'],
    ['SASL', [0, 0, 0, 10, 0, 17, 0, 1, 0, 0, 0, 1, 0xff, 0xff], 'SaslHandshake (API 17). SASL is not offered here'],
    ['SASL without a handshake', [0, 0, 0, 10, 0, 36, 0, 1, 0, 0, 0, 1, 0xff, 0xff], 'SASL is not offered here'],
    ['a POST', [...Buffer.from('POST /topics HTTP/1.1')], 'an HTTP request'],
  ])('%s: cut off with a line, the others are served', async (_name, bytes, text) => {
    const { server, lines } = await open()
    const healthy = await Peer.to(server)
    const peer = await Peer.to(server)
    peer.socket.write(new Uint8Array(bytes))
    expect(await peer.answer()).toBeNull()
    expect(lines).toEqual([expect.stringContaining(text)])
    expect((await healthy.ask('ApiVersions', 3, makeApiVersionsRequest(SOFTWARE))).errorCode).toBe(0)
  })

  test('a batch with a wrong checksum is refused, the other partition of the request is written', async () => {
    const { server, cluster } = await open()
    const peer = await Peer.to(server)
    const two = makeProduceRequest({
      acks: 1,
      topicData: [
        {
          name: 'orders',
          topicId: '',
          partitionData: [0, 1].map((index) => ({
            index,
            records: [encodeBatch([{ key: null, value: `to ${index}`, timestamp: 1 }])],
          })),
        },
      ],
    })
    const bytes = frame(encodeRequest('Produce', 7, { correlationId: 0, clientId: 'peer' }, two))
    const at = Buffer.from(bytes).indexOf('to 0')
    bytes[at] = 0x54
    peer.socket.write(bytes)
    const { body } = decodeResponse('Produce', 7, (await peer.answer()) as Uint8Array)
    expect(body.responses[0]?.partitionResponses.map(({ errorCode }) => errorCode)).toEqual([2, 0])
    expect(
      cluster
        .topic('orders')
        .records()
        .map(({ value }) => value),
    ).toEqual(['to 1'])
  })

  test('a connection that stops half-way is only waited for', async () => {
    const { server } = await open()
    const silent = await Peer.to(server)
    silent.socket.write(new Uint8Array([0, 0, 0, 50, 0, 3]))
    const peer = await Peer.to(server)
    expect((await peer.ask('ApiVersions', 3, makeApiVersionsRequest(SOFTWARE))).errorCode).toBe(0)
    silent.socket.end()
    expect(await silent.answer()).toBeNull()
  })

  test('who does not read its answers has to wait with its requests; memory stays bounded', async () => {
    const { server, cluster } = await open({
      topics: { orders: { partitions: 2, config: { 'max.message.bytes': 4_000_000 } } },
    })
    await cluster.produce('orders', [{ partition: 1, value: 'x'.repeat(3_000_000) }])
    const peer = await Peer.to(server)
    peer.socket.pause()
    for (let i = 0; i < 200; i++) peer.send('Fetch', 11, fetch(0))
    await new Promise((resolve) => setTimeout(resolve, 300))
    // Three megabytes each: what the two sockets hold, eight more, and what was under way.
    const served = cluster.trace.events().filter((event) => event.type === 'request' && event.api === 'Fetch').length
    expect(served).toBeLessThan(50)
    peer.socket.resume()
    for (let i = 0; i < 200; i++) expect(((await peer.answer()) as Uint8Array).length).toBeGreaterThan(3_000_000)
  })
})

describe('many', () => {
  test('a thousand connections at once are all served, and more than allowed are turned away', async () => {
    const { server, lines } = await open({}, { maxConnections: 1000 })
    const peers = await Promise.all(Array.from({ length: 1000 }, () => Peer.to(server)))
    const answers = await Promise.all(peers.map((peer) => peer.ask('ApiVersions', 3, makeApiVersionsRequest(SOFTWARE))))
    expect(answers.every(({ errorCode }) => errorCode === 0)).toBe(true)
    expect(server.connections).toBe(1000)
    const late = await Peer.to(server)
    expect(await late.answer()).toBeNull()
    expect(lines).toEqual([expect.stringContaining('1000 connections are open')])
  })
})

test('a broker that crashes drops its clients, and they are back when it is', async () => {
  const { server, cluster } = await open({ brokers: 2 })
  const peer = await Peer.to(server, 1)
  await peer.ask('ApiVersions', 3, makeApiVersionsRequest(SOFTWARE))
  cluster.faults.crash(2)
  expect(await peer.answer()).toBeNull()
  await expect(Peer.to(server, 1)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  cluster.faults.restart(2)
  const back = await Peer.to(server, 1)
  expect((await back.ask('ApiVersions', 3, makeApiVersionsRequest(SOFTWARE))).errorCode).toBe(0)
})
