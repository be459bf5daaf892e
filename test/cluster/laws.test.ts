/** The laws as a whole: each is there once, says what it says in the docs, and ends a run that breaks it. */
import { createCluster } from 'kafkarium'
import { expect, test } from 'vitest'
import { lawsDocsAreCurrent } from '../../scripts/generate-laws-docs.ts'
import { GROUP_LAWS } from '../../src/broker/laws/group-laws.ts'
import { LAWS } from '../../src/broker/laws/index.ts'
import { COORDINATOR_LAWS } from '../../src/broker/laws/transaction-laws.ts'
import { ANSWER_LAWS } from '../../src/cluster/laws/answer-laws.ts'
import { OWNER_LAW, VERIFICATION_LAWS } from '../../src/cluster/laws/coordinator-laws.ts'
import { DUTIES } from '../../src/cluster/laws/duties.ts'
import { PRODUCER_LAWS } from '../../src/cluster/laws/producer-laws.ts'
import { REPLICA_LAWS } from '../../src/cluster/laws/replica-laws.ts'
import { TRANSACTION_LAWS } from '../../src/cluster/laws/transaction-laws.ts'

test('docs/laws.md is what the code says (else run npx tsx scripts/generate-laws-docs.ts)', () => {
  expect(lawsDocsAreCurrent()).toBe(true)
})

test('every law is there; one id may have more than one sentence, never the same twice', () => {
  const ofBrokers = [...LAWS, ...GROUP_LAWS, ...COORDINATOR_LAWS]
  const ofPartitions = [...REPLICA_LAWS, ...PRODUCER_LAWS, ...TRANSACTION_LAWS, ...VERIFICATION_LAWS]
  const laws = [...ofBrokers, ...ofPartitions, OWNER_LAW, ...DUTIES]
  const ids = laws.map(({ id }) => id).concat(Object.keys(ANSWER_LAWS))
  const sentences = laws.map(({ sentence }) => sentence).concat(Object.values(ANSWER_LAWS))
  expect(new Set(sentences).size).toBe(sentences.length)
  for (const id of ['L1', 'L2', 'L3', 'L4', 'L5', 'L6', 'L7', 'L8', 'L9']) expect(ids).toContain(id)
  for (let n = 1; n <= 11; n++) expect(ids).toContain(`R${n}`)
  for (let n = 1; n <= 7; n++) expect(ids).toContain(`T${n}`)
  for (let n = 1; n <= 5; n++) expect(ids).toContain(`P${n}`)
  for (const id of ['G1', 'G3', 'G4', 'G5', 'G6', 'G7', 'V1', 'V2', 'V3', 'V4', 'V5', 'V6', 'V7', 'V9'])
    expect(ids).toContain(id)
})

test('a broken law rejects what is awaited, and says what the matter is and which switch is off', async () => {
  const topics = { orders: { partitions: 1, replicationFactor: 3, config: { 'min.insync.replicas': 2 } } }
  await using cluster = createCluster({ brokers: 3, laws: true, topics, switches: { truncation: 'highWatermark' } })
  await cluster.produce('orders', ['a'])
  await cluster.advance('1s')
  const producer = cluster.kafka({ logLevel: 0 }).producer()
  await producer.connect()
  await producer.send({ topic: 'orders', messages: [{ value: 'b' }] })
  cluster.faults.moveLeader('orders', 0, 2)
  await expect(cluster.advance('1s')).rejects.toThrow(
    /Law L5 is broken: No eligible replica cuts back[\s\S]*broker \d cut back to 1, 2 was shown[\s\S]*truncation: 'highWatermark'/,
  )
})

test('P1 asks who was in sync at the append: a partition whose ISR shrank while its request waited for another', async () => {
  await using cluster = createCluster({ brokers: 3, laws: true })
  const kafka = cluster.kafka({ logLevel: 0, requestTimeout: 60_000 })
  const admin = kafka.admin()
  await admin.connect()
  const replicaAssignment = [
    { partition: 0, replicas: [1, 2] },
    { partition: 1, replicas: [1, 3] },
  ]
  const configEntries = [{ name: 'min.insync.replicas', value: '2' }]
  await admin.createTopics({ topics: [{ topic: 'pair', replicaAssignment, configEntries }] })
  const producer = kafka.producer()
  await producer.connect()
  const messages = [
    { partition: 0, value: 'a' },
    { partition: 1, value: 'b' },
  ]
  await producer.send({ topic: 'pair', messages })
  cluster.faults.cut(1, 3)
  const sent = producer.send({ topic: 'pair', messages })
  cluster.faults.after('100ms', { type: 'crash', node: 2 })
  cluster.faults.after('15s', { type: 'heal' })
  await sent
  expect(cluster.topic('pair').partitions.map(({ isr }) => isr)).toEqual([[1], [1, 3]])
})
