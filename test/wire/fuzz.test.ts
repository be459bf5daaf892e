/**
 * Frames that somebody damaged, thrown at brokers: the offender is answered or cut off, everybody else is served, no law is
 * broken, and nothing is kept of it. 20,000 frames; more with KAFKARIUM_FUZZ_FRAMES.
 */
import { expect, test } from 'vitest'
import { createCluster, type WireSocket } from '../../src/index.ts'
import { type Chooser, seededChooser } from '../../src/kernel/index.ts'
import { frame } from '../../src/protocol/codec.ts'
import { corpus } from './corpus.ts'

const FRAMES = Number(process.env.KAFKARIUM_FUZZ_FRAMES ?? 20_000)
/** A fresh cluster after so many: what frames that happen to be right leave behind is not the point. */
const FRAMES_A_CLUSTER = 1000

function damaged(bytes: Uint8Array, chooser: Chooser): Uint8Array {
  const at = () => chooser.choose('at', bytes.length)
  switch (chooser.choose('damage', 8)) {
    case 0:
      return frame(bytes)
    case 1:
      return frame(bytes.slice(0, at()))
    case 2: {
      const out = bytes.slice()
      for (let n = 1 + chooser.choose('count', 4); n > 0; n--) out[at()] = chooser.choose('byte', 256)
      return frame(out)
    }
    case 3: {
      // A length that lies, somewhere behind the header.
      const out = bytes.slice()
      const from = at()
      for (let i = from; i < Math.min(from + 4, out.length); i++) out[i] = i === from ? 0x7f : 0xff
      return frame(out)
    }
    case 4:
      return frame(new Uint8Array([...bytes.slice(0, at()), ...bytes.slice(at())]))
    case 5: {
      // The frame's own length lies.
      const out = frame(bytes)
      out[chooser.choose('length byte', 4)] = chooser.choose('byte', 256)
      return out
    }
    case 6: {
      // Another API or version in front of the same body.
      const out = bytes.slice()
      out[1] = chooser.choose('api', 80)
      out[3] = chooser.choose('version', 20)
      return frame(out)
    }
    default:
      return Uint8Array.from({ length: 1 + chooser.choose('size', 60) }, () => chooser.choose('byte', 256))
  }
}

test(`${FRAMES} damaged frames: everybody else is served`, { timeout: 3_600_000 }, async () => {
  const frames = corpus({ samples: 4 }).map(({ bytes }) => bytes)
  expect(frames.length).toBeGreaterThan(500)
  let sent = 0
  let cutOff = 0
  let answers = 0
  const defects = new Set<string>()
  for (let round = 0; sent < FRAMES; round++) {
    const chooser = seededChooser(`fuzz ${round}`)
    const cluster = createCluster({
      brokers: 2,
      seed: round,
      laws: true,
      // Before 4.0 there are older versions, with messages of formats of their own.
      kafkaVersion: round % 2 === 0 ? '4.3' : '3.9',
      topics: { orders: { partitions: 2, replicationFactor: 2 }, clicks: 1, healthy: 1 },
      config: { 'auto.create.topics.enable': false },
    })
    const control = cluster.controlTime()
    const warn = process.stderr.write
    try {
      process.stderr.write = (line) => {
        if (String(line).includes('defect')) defects.add(String(line).trim())
        return true
      }
      const kafka = cluster.kafka({ clientId: 'healthy' })
      const producer = kafka.producer()
      await producer.connect()
      let socket: WireSocket | null = null
      for (let i = 0; i < FRAMES_A_CLUSTER && sent < FRAMES; i++, sent++) {
        if (socket === null) {
          const fresh = cluster.socketFactory({
            host: 'localhost',
            port: 9092 + chooser.choose('broker', 2),
            onConnect: () => {},
          }) as WireSocket
          fresh.on('data', () => {
            answers += 1
          })
          fresh.on('end', () => {
            cutOff += 1
            if (socket === fresh) socket = null
          })
          await cluster.advance(200)
          socket = fresh
        }
        const own: WireSocket = socket
        const bytes = damaged(frames[chooser.choose('frame', frames.length)] as Uint8Array, chooser)
        const half = chooser.choose('split', 2) === 0 ? bytes.length : chooser.choose('where', bytes.length + 1)
        own.write(bytes.subarray(0, half))
        if (half < bytes.length) own.write(bytes.subarray(half))
        await cluster.advance(chooser.choose('pause', 50))
        if (chooser.choose('leave', 10) === 1) {
          own.end()
          socket = null
        }
        if (i % 100 === 99) {
          const [result] = await producer.send({ topic: 'healthy', messages: [{ value: 'still here' }] })
          if (result?.errorCode !== undefined) expect(result.errorCode).toBe(0)
        }
      }
      await cluster.settle()
      await producer.disconnect()
    } finally {
      process.stderr.write = warn
      control.release()
      await cluster.dispose()
    }
  }
  expect([...defects]).toEqual([])
  expect(cutOff).toBeGreaterThan(FRAMES / 20)
  expect(answers).toBeGreaterThan(FRAMES / 50)
})
