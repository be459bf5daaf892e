/** librdkafka's mock cluster, inside a Python process of confluent-kafka. */

import { startServer } from '../process.ts'
import { pythonWith } from '../python.ts'
import type { Broker, Opponent } from './opponent.ts'

const PROGRAM = `
import time
from confluent_kafka import Producer
producer = Producer({"test.mock.num.brokers": 1})
brokers = producer.list_topics(timeout=10).brokers.values()
print("ready " + ",".join("%s:%d" % (b.host, b.port) for b in brokers), flush=True)
while True:
    time.sleep(60)
`

export const mock: Opponent = {
  name: 'librdkafka mock',
  note: 'keeps 5 MiB a partition and drops the rest in silence; its first rebalance always waits 3 s',
  async start(): Promise<Broker> {
    const server = await startServer(pythonWith('confluent-kafka', '2.16.1'), ['-c', PROGRAM], /^ready /)
    return { ...server, bootstrap: server.line.slice('ready '.length) }
  },
}
