/** A program of the real kafkajs: it produces, reads in a group of two, loses a broker, and writes in transactions. */
import { CompressionTypes, Kafka, logLevel } from 'kafkajs'
import { createCluster } from '../../src/index.ts'

export interface ProgramResult {
  readonly hash: string
  readonly events: number
  /** Virtual milliseconds it took. */
  readonly took: number
  readonly read: readonly string[]
  readonly mirrored: readonly string[]
  readonly taint: string | null
}

/** The same seed gives the same result, run after run, on every version of Node. */
export async function runProgram(seed: number): Promise<ProgramResult> {
  const cluster = createCluster({
    brokers: 3,
    seed,
    topics: {
      orders: { partitions: 4, replicationFactor: 3 },
      mirror: { partitions: 2, replicationFactor: 3 },
    },
    config: { 'offsets.topic.replication.factor': 3, 'transaction.state.log.replication.factor': 3 },
    laws: true,
  })
  const control = cluster.controlTime()
  const start = cluster.now
  try {
    const kafka = new Kafka({
      clientId: 'app',
      brokers: [...cluster.brokers],
      socketFactory: cluster.socketFactory,
      logLevel: logLevel.NOTHING,
      retry: { retries: 20 },
    })
    const read: string[] = []
    const member = async () => {
      const consumer = kafka.consumer({ groupId: 'billing', sessionTimeout: 10_000 })
      await consumer.connect()
      await consumer.subscribe({ topic: 'orders', fromBeginning: true })
      await consumer.run({
        eachMessage: async ({ message }) => {
          await new Promise((resolve) => setTimeout(resolve, 5))
          read.push(String(message.value))
        },
      })
      return consumer
    }
    const first = await member()
    const second = await member()

    const producer = kafka.producer({ allowAutoTopicCreation: false })
    await producer.connect()
    const send = (from: number, count: number) =>
      producer.send({
        topic: 'orders',
        compression: CompressionTypes.GZIP,
        messages: Array.from({ length: count }, (_, i) => ({ key: `k${(from + i) % 7}`, value: `v${from + i}` })),
      })
    await send(0, 20)
    cluster.faults.crash(2)
    await send(20, 20)
    await second.disconnect()
    await send(40, 20)
    await cluster.until(() => new Set(read).size === 60)
    cluster.faults.restart(2)

    const mirror = kafka.producer({ transactionalId: 'mirror', idempotent: true, maxInFlightRequests: 1 })
    await mirror.connect()
    for (const [i, outcome] of (['commit', 'abort', 'commit'] as const).entries()) {
      const transaction = await mirror.transaction()
      await transaction.send({ topic: 'mirror', messages: [{ key: String(i), value: `${outcome} ${i}` }] })
      await transaction[outcome]()
    }
    const mirrored: string[] = []
    const reader = kafka.consumer({ groupId: 'audit' })
    await reader.connect()
    await reader.subscribe({ topic: 'mirror', fromBeginning: true })
    await reader.run({ eachMessage: async ({ message }) => void mirrored.push(String(message.value)) })
    await cluster.until(() => mirrored.length === 2)

    await Promise.all([first.disconnect(), reader.disconnect(), producer.disconnect(), mirror.disconnect()])
    const { hash, count } = cluster.trace
    return {
      hash,
      events: count,
      took: cluster.now - start,
      read: [...new Set(read)].sort(),
      mirrored: [...mirrored].sort(),
      taint: cluster.taint,
    }
  } finally {
    control.release()
    await cluster.dispose()
  }
}

if (process.argv[1]?.endsWith('test/wire/program.ts')) {
  process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
  const { hash } = await runProgram(Number(process.argv[2]))
  process.stdout.write(`${hash}\n`)
}
