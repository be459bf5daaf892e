/** Options nobody knows: a line of the client where kafkajs ignores them, an error in what kafkajs does not have. */
import { type Cluster, createCluster, KafkariumError } from 'kafkarium'
import { afterEach, describe, expect, it } from 'vitest'

const made: Cluster[] = []
afterEach(async () => {
  for (const cluster of made.splice(0)) await cluster.dispose()
})

// biome-ignore lint/suspicious/noExplicitAny: wrong arguments on purpose.
type Client = any

function clientOf(config: object = {}) {
  const cluster = createCluster({ topics: { orders: 1 } })
  made.push(cluster)
  const lines: string[] = []
  const logCreator =
    () =>
    ({ label, log }: { label: string; log: { message: string } }) =>
      label === 'WARN' && lines.push(log.message)
  const kafka: Client = cluster.kafka({ logCreator, ...config } as never)
  return { cluster, kafka, lines, told: () => lines.splice(0) }
}

describe('options a client is made with', () => {
  it.each([
    ['consumer', 'isolationLevel', 'the option for that is readUncommitted'],
    ['consumer', 'fromBeginning', 'it belongs to consumer.subscribe()'],
    ['consumer', 'autoCommit', 'it belongs to consumer.run()'],
    ['consumer', 'autoCommitInterval', 'it belongs to consumer.run()'],
    ['consumer', 'eachMessage', 'it belongs to consumer.run()'],
    ['consumer', 'heartbeatinterval', 'did you mean "heartbeatInterval"?'],
    ['consumer', 'transactionalId', 'it belongs to producer()'],
    ['producer', 'acks', 'it belongs to producer.send(), producer.sendBatch()'],
    ['producer', 'timeout', 'it belongs to producer.send(), producer.sendBatch()'],
    ['producer', 'compression', 'it belongs to producer.send(), producer.sendBatch()'],
    ['producer', 'clientId', 'it belongs to Kafka'],
    ['producer', 'retries', 'it belongs to retry'],
    ['admin', 'timeout', expect.stringMatching(/^it belongs to admin\.createTopics\(\), admin\.deleteTopics\(\), /)],
    ['admin', 'allowAutoTopicCreation', 'it belongs to producer(), consumer()'],
    ['admin', 'verbose', 'known: retry'],
  ])('%s({ %s })', (owner, name, advice) => {
    const { kafka, told } = clientOf()
    for (let i = 0; i < 2; i += 1)
      kafka[owner]({ ...(owner === 'consumer' ? { groupId: 'g' } : {}), [name]: undefined })
    const [line = '', ...more] = told()
    const start = `Unknown option "${name}" of ${owner} is ignored; `
    expect(line.slice(0, start.length)).toBe(start)
    expect(line.slice(start.length)).toEqual(advice)
    expect(more).toEqual([])
  })

  it('those of retry, wherever it stands', () => {
    const { kafka, told } = clientOf({ retry: { retrys: 1 } })
    kafka.producer({ retry: { retriess: 1 } })
    expect(told()).toEqual([
      'Unknown option "retrys" of retry is ignored; did you mean "retries"?',
      'Unknown option "retriess" of retry is ignored; did you mean "retries"?',
    ])
  })

  it('a known one is not spoken of', () => {
    const { kafka, told } = clientOf({ retry: { retries: 1 }, quirks: { kafkajsSequenceReuse: false } })
    kafka.producer({ retry: { factor: 0 }, transactionTimeout: 1000 })
    kafka.consumer({ groupId: 'g', readUncommitted: true, retry: { restartOnFailure: async () => false } })
    kafka.admin({ retry: {} })
    expect(told()).toEqual([])
  })
})
