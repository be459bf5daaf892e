/** The bench's lines about consumer groups: what somebody waits for whose test rebalances. */
import { type ClientConfig, createCluster, type ProcessContext, type ProcessHandle } from 'kafkarium'
import { add, median, timed } from './table.ts'

const ROUNDS = 9

type Cluster = ReturnType<typeof createCluster>

/** A process with one consumer of `orders` in group `g`. */
function member(cluster: Cluster, name: string): ProcessHandle {
  return cluster.process(
    name,
    async ({ kafka, onStop }: ProcessContext<ReturnType<Cluster['kafka']>, ClientConfig>) => {
      const consumer = kafka.consumer({ groupId: 'g' })
      onStop(() => consumer.disconnect())
      await consumer.connect()
      await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
      await consumer.run({ eachMessage: async () => {} })
    },
  )
}

async function stable(cluster: Cluster, members: number): Promise<void> {
  await cluster.group('g').stable({ members, within: '10m' })
}

export async function groupLines(): Promise<void> {
  await second()
  await takeover()
  await many()
  await rolling()
}

async function second(): Promise<void> {
  const times: number[] = []
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const cluster = createCluster({ brokers: 3, seed, topics: { orders: 6 } })
    member(cluster, 'a')
    await stable(cluster, 1)
    times.push(
      await timed(async () => {
        member(cluster, 'b')
        await stable(cluster, 2)
      }),
    )
    await cluster.dispose()
  }
  add('a second member joins, both stable', median(times), 'ms', 'less', 10)
}

async function takeover(): Promise<void> {
  const times: number[] = []
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const cluster = createCluster({ brokers: 3, seed, topics: { orders: 6 } })
    const a = member(cluster, 'a')
    member(cluster, 'b')
    await stable(cluster, 2)
    times.push(
      await timed(async () => {
        a.crash()
        await stable(cluster, 1)
      }),
    )
    await cluster.dispose()
  }
  add('a member dies, its session of 30 s ends, the other takes over', median(times), 'ms', 'less', 20)
}

async function many(): Promise<void> {
  const times: number[] = []
  for (let seed = 1; seed <= 3; seed++) {
    const cluster = createCluster({ brokers: 3, seed, topics: { orders: 300 } })
    times.push(
      await timed(async () => {
        for (let i = 0; i < 100; i++) member(cluster, `m${i}`)
        await stable(cluster, 100)
      }),
    )
    await cluster.dispose()
  }
  add('100 members join a group of 300 partitions, and settle', median(times) / 1000, 's', 'less', 1)
}

async function rolling(): Promise<void> {
  const times: number[] = []
  for (let seed = 1; seed <= 3; seed++) {
    const cluster = createCluster({ brokers: 3, seed, topics: { orders: 40 } })
    const members = Array.from({ length: 20 }, (_, i) => member(cluster, `m${i}`))
    await stable(cluster, 20)
    times.push(
      await timed(async () => {
        for (const one of members) {
          await one.restart()
          await stable(cluster, 20)
        }
      }),
    )
    await cluster.dispose()
  }
  add('a rolling restart of 20 members, stable in between', median(times) / 1000, 's', 'less', 1)
}
