/** The bench's lines about transactions: what somebody waits for whose test runs through many of them, or through one that is left open. */
import { createCluster } from 'kafkarium'
import { add, median, timed } from './table.ts'

const ROUNDS = 5
const PARTITIONS = 4

function begin(seed: number) {
  const cluster = createCluster({ brokers: 3, seed, topics: { orders: PARTITIONS } })
  const producer = cluster.kafka({ logLevel: 0 }).producer({ transactionalId: 'bench', transactionTimeout: 60_000 })
  return { cluster, producer }
}

const messages = (count: number) => Array.from({ length: count }, (_, i) => ({ value: 'x', partition: i % PARTITIONS }))

export async function transactionLines(): Promise<void> {
  const many: number[] = []
  const abandoned: number[] = []
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const { cluster, producer } = begin(seed)
    await producer.connect()
    many.push(
      await timed(async () => {
        for (let i = 0; i < 1000; i++) {
          const transaction = await producer.transaction()
          await transaction.send({ topic: 'orders', messages: messages(10) })
          await transaction.commit()
        }
      }),
    )
    const open = await producer.transaction()
    await open.send({ topic: 'orders', messages: messages(PARTITIONS) })
    const isOpen = () =>
      cluster
        .view()
        .topics.find(({ name }) => name === 'orders')
        ?.partitions.some(({ lastStableOffset, highWatermark }) => lastStableOffset < highWatermark) === true
    if (!isOpen()) throw new Error('there is no open transaction to abort')
    // It is looked for every 10 seconds.
    abandoned.push(await timed(() => cluster.advance('75s')))
    if (isOpen()) throw new Error('the transaction is still open')
    await cluster.dispose()
  }
  add('1,000 transactions of 10 messages over 4 partitions', median(many) / 1000, 's', 'less', 1)
  add('an open transaction is aborted when its 60 s are over', median(abandoned), 'ms', 'less', 10)
}
