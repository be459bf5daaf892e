/** A cluster of three with one replicated topic, `orders`: what tests of replication begin with. */
import { type Cluster, type ClusterOptions, createCluster } from 'kafkarium'
import { afterEach } from 'vitest'

/** Makes clusters that are disposed after each test. Call it once, at the top of a test file. */
export function replicatedClusters(): (options?: ClusterOptions) => Cluster {
  const made: Cluster[] = []
  afterEach(async () => {
    for (const cluster of made.splice(0)) await cluster.dispose()
  })
  return (options = {}) => {
    const cluster = createCluster({
      brokers: 3,
      topics: { orders: { partitions: 1, replicationFactor: 3 } },
      laws: true,
      trace: 'full',
      ...options,
    })
    made.push(cluster)
    return cluster
  }
}

export const partition = (cluster: Cluster) => cluster.topic('orders').partitions[0]

export const values = (cluster: Cluster) =>
  cluster
    .topic('orders')
    .records()
    .map(({ value }) => value)

/** A broker that dies is missed for broker.session.timeout.ms, 9 s: longer than a client's default retries last. */
export const PATIENT = { logLevel: 0, retry: { retries: 30, maxRetryTime: 1000 } } as const

/** Sends to `orders` and waits for the answer. */
export async function senderOf(cluster: Cluster, config: Parameters<Cluster['kafka']>[0] = {}) {
  const producer = cluster.kafka({ ...PATIENT, ...config }).producer()
  await producer.connect()
  return (value: string, acks = -1) => producer.send({ topic: 'orders', acks, messages: [{ value }] })
}
