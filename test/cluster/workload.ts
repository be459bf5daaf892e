/** The workload of the determinism check: three consumers, a kill, a rebalance, a restart. Also runs by itself: prints its hash. */
import { type Choices, createCluster, type TraceEvent } from 'kafkarium'

export interface WorkloadResult {
  readonly hash: string
  readonly events: readonly TraceEvent[]
  readonly choices: Choices
  readonly sent: readonly string[]
  /** Distinct values that a handler completed. */
  readonly handled: ReadonlySet<string>
}

export async function runWorkload({ seed }: { readonly seed?: number }): Promise<WorkloadResult> {
  const cluster = createCluster({
    brokers: 3,
    topics: { orders: 4 },
    trace: 'full',
    laws: true,
    strict: true,
    ...(seed === undefined ? {} : { seed }),
  })
  const handled = new Set<string>()
  const consumers = ['a', 'b', 'c'].map((name) =>
    cluster.process(name, async ({ newKafka }) => {
      const consumer = newKafka({ logLevel: 0 }).consumer({ groupId: 'billing' })
      await consumer.connect()
      await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
      await consumer.run({
        eachMessage: async ({ message }) => {
          await Promise.resolve()
          handled.add(String(message.value))
        },
      })
    }),
  )
  const sent: string[] = []
  const producer = cluster.kafka({ clientId: 'shop', logLevel: 0 }).producer()
  await producer.connect()
  const send = async (count: number) => {
    const messages = Array.from({ length: count }, () => {
      const value = `order-${String(sent.length).padStart(3, '0')}`
      sent.push(value)
      return { key: `k${sent.length % 7}`, value }
    })
    await producer.send({ topic: 'orders', messages })
  }
  await Promise.all(consumers.map(({ ready }) => ready))
  await cluster.group('billing').stable({ members: 3 })
  await send(20)
  consumers[1]?.crash()
  await send(20)
  await cluster.group('billing').stable({ members: 2 })
  await consumers[1]?.restart()
  await send(20)
  await cluster.group('billing').stable({ members: 3 })
  await cluster.until(() => handled.size === sent.length)
  await cluster.settle()
  const result = {
    hash: cluster.trace.hash,
    events: cluster.trace.events(),
    choices: cluster.trace.choices(),
    sent,
    handled,
  }
  if (cluster.taint !== null) throw new Error(cluster.taint)
  await cluster.dispose()
  return result
}

// Run by itself with a seed as argument.
if (process.argv[1]?.endsWith('workload.ts') === true) {
  const { hash } = await runWorkload({ seed: Number(process.argv[2]) })
  console.log(hash)
}
