/** A shop that bills orders one by one, and can be started again or twice. */
import type { ClientConfig, Cluster, ProcessContext } from 'kafkarium'

/** Topics of the cluster's own are made with it: for speed. */
export const SMALL = { 'offsets.topic.num.partitions': 1, 'transaction.state.log.num.partitions': 1 }

export const ORDERS = ['0', '1', '2', '3']

/**
 * A process that writes a bill an order into `bills`, in a transaction each if it has a transactional id. How far it came is then part
 * of the transaction, as an offset of group `shop`; else it is in `progress`, where that is known.
 */
export const biller =
  (transactionalId: string | null, progress: { done: number }) =>
  async ({ newKafka }: ProcessContext<ReturnType<Cluster['kafka']>, ClientConfig>) => {
    const kafka = newKafka({ logLevel: 0 })
    const producer = kafka.producer({ idempotent: true, ...(transactionalId === null ? {} : { transactionalId }) })
    await producer.connect()
    const bill = (order: number) => ({ topic: 'bills', messages: [{ value: ORDERS[order] as string }] })
    if (transactionalId === null) {
      for (; progress.done < ORDERS.length; progress.done++) await producer.send(bill(progress.done))
      return
    }
    // The first one ends what a former self has left open: only then is it known how far that came.
    await (await producer.transaction()).abort()
    const admin = kafka.admin()
    await admin.connect()
    const [known] = await admin.fetchOffsets({ groupId: 'shop', topics: ['orders'] })
    for (let order = Math.max(Number(known?.partitions[0]?.offset ?? 0), 0); order < ORDERS.length; order++) {
      const transaction = await producer.transaction()
      await transaction.send(bill(order))
      const topics = [{ topic: 'orders', partitions: [{ partition: 0, offset: String(order + 1) }] }]
      await transaction.sendOffsets({ consumerGroupId: 'shop', topics })
      await transaction.commit()
    }
  }

/** What a new reader of committed records sees. */
export async function committedBills(cluster: Cluster): Promise<string[]> {
  const values: string[] = []
  const consumer = cluster.kafka({ logLevel: 0 }).consumer({ groupId: 'reader' })
  await consumer.connect()
  await consumer.subscribe({ topic: 'bills', fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => void values.push(String(message.value)) })
  await cluster.advance(4000)
  return values
}
