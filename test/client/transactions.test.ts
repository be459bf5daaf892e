/** The transactional producer against a scripted cluster: what it asks whom, in which order, and what it makes of the answers. */
import { describe, expect, it } from 'vitest'
import type { Sender, Transaction } from '../../src/client/index.ts'
import { CommittedOffsets } from '../../src/client/metadata/committed-offsets.ts'
import { createTransaction } from '../../src/client/producer/transaction.ts'
import type { Ongoing, TransactionManager } from '../../src/client/producer/transaction-manager.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { makeAddPartitionsToTxnResponse } from '../../src/protocol/make.ts'
import type {
  AddPartitionsToTxnRequest,
  EndTxnRequest,
  InitProducerIdRequest,
  ProduceRequest,
  TxnOffsetCommitRequest,
} from '../../src/protocol/messages.ts'
import { isTransactional } from '../../src/protocol/records.ts'
import { transportError } from './support/script-transport.ts'
import { asked, bodies, connected, ENDED, marks, offsets, to, transactionScript } from './support/transaction-script.ts'

describe('a transaction', () => {
  it('finds its coordinator once, adds a partition before its first batch and ends', async () => {
    const run = transactionScript()
    const producer = await connected(run)
    expect(asked(run)).toEqual([])
    const transaction = await producer.transaction()
    expect(transaction.isActive()).toBe(true)
    await transaction.send(to(0))
    await transaction.send(to(0))
    await transaction.sendBatch({ topicMessages: [to(0), to(1)] })
    await transaction.commit()
    expect(transaction.isActive()).toBe(false)
    expect(asked(run)).toEqual([
      'FindCoordinator v2 @b1',
      'InitProducerId v1 @b2',
      'AddPartitionsToTxn v1 @b2',
      'Produce v7 @b1',
      'Produce v7 @b1',
      'AddPartitionsToTxn v1 @b2',
      'Produce v7 @b1',
      'Produce v7 @b2',
      'EndTxn v1 @b2',
    ])
    expect(bodies<InitProducerIdRequest>(run, 'InitProducerId')).toEqual([
      { transactionalId: 'tx', transactionTimeoutMs: 60_000, producerId: -1, producerEpoch: -1 },
    ])
    expect(bodies<AddPartitionsToTxnRequest>(run, 'AddPartitionsToTxn').map((one) => one.v3AndBelowTopics)).toEqual([
      [{ name: 't', partitions: [0] }],
      [{ name: 't', partitions: [1] }],
    ])
    expect(bodies<EndTxnRequest>(run, 'EndTxn')).toEqual([
      { transactionalId: 'tx', producerId: 7, producerEpoch: 1, committed: true },
    ])
    const batches = bodies<ProduceRequest>(run, 'Produce').flatMap(({ transactionalId, topicData }) =>
      topicData.flatMap(({ partitionData }) =>
        partitionData.flatMap(({ records }) => (records ?? []).map((batch) => [transactionalId, batch] as const)),
      ),
    )
    expect(batches.map(([id, batch]) => [id, isTransactional(batch)])).toEqual(batches.map(() => ['tx', true]))
    expect(marks(run)).toEqual(['0: 7/1/0', '0: 7/1/1', '0: 7/1/2', '1: 7/1/0'])
  })

  it('numbers go on in the next one, and partitions are added anew', async () => {
    const run = transactionScript()
    const producer = await connected(run, { transactionTimeout: 5000 })
    for (const end of ['commit', 'abort', 'commit'] as const) {
      const transaction = await producer.transaction()
      await transaction.send(to(0, 2))
      await transaction[end]()
    }
    expect(marks(run)).toEqual(['0: 7/1/0', '0: 7/1/2', '0: 7/1/4'])
    expect(bodies(run, 'AddPartitionsToTxn')).toHaveLength(3)
    expect(bodies<InitProducerIdRequest>(run, 'InitProducerId').map((one) => one.transactionTimeoutMs)).toEqual([5000])
    expect(bodies<EndTxnRequest>(run, 'EndTxn').map(({ committed }) => committed)).toEqual([true, false, true])
  })

  it('in which nothing was sent ends without a request', async () => {
    const run = transactionScript()
    const producer = await connected(run)
    await (await producer.transaction()).commit()
    await (await producer.transaction()).abort()
    expect(asked(run)).toEqual(['FindCoordinator v2 @b1', 'InitProducerId v1 @b2'])
  })

  it('sends at once add a partition once', async () => {
    const run = transactionScript()
    const transaction = await (await connected(run)).transaction()
    await Promise.all([transaction.send(to(0)), transaction.send(to(0)), transaction.send(to(1))])
    const added = bodies<AddPartitionsToTxnRequest>(run, 'AddPartitionsToTxn').flatMap((one) => one.v3AndBelowTopics)
    expect(added.flatMap(({ partitions }) => partitions).sort()).toEqual([0, 1])
  })

  it('what the producer sends itself is in none', async () => {
    const run = transactionScript()
    const producer = await connected(run)
    const transaction = await producer.transaction()
    await producer.send({ ...to(0), acks: 1 })
    await transaction.commit()
    expect(marks(run)).toEqual(['0: -1/0/0'])
    expect(bodies<ProduceRequest>(run, 'Produce').map(({ transactionalId }) => transactionalId)).toEqual([null])
    expect(bodies(run, 'EndTxn')).toEqual([])
  })
})

describe('additions', () => {
  it('go one after the other: the coordinator answers a second one with CONCURRENT_TRANSACTIONS', async () => {
    let open = 0
    let most = 0
    const run = transactionScript(({ api }) => {
      if (api !== 'AddPartitionsToTxn') return undefined
      open += 1
      most = Math.max(most, open)
      return new Promise((resolve) => setImmediate(resolve)).then(() => {
        open -= 1
        return makeAddPartitionsToTxnResponse()
      })
    })
    const transaction = await (await connected(run)).transaction()
    await Promise.all([transaction.send(to(0)), transaction.send(to(1))])
    expect([most, bodies(run, 'AddPartitionsToTxn').length]).toEqual([1, 2])
  })

  it('that are refused name the partition that is why', async () => {
    const codes = [ErrorCode.OPERATION_NOT_ATTEMPTED, ErrorCode.TOPIC_AUTHORIZATION_FAILED]
    const run = transactionScript(({ api }) =>
      api === 'AddPartitionsToTxn'
        ? makeAddPartitionsToTxnResponse({
            resultsByTopicV3AndBelow: [
              {
                name: 't',
                resultsByPartition: codes.map((partitionErrorCode, partitionIndex) => ({
                  partitionIndex,
                  partitionErrorCode,
                })),
              },
            ],
          })
        : undefined,
    )
    const transaction = await (await connected(run)).transaction()
    const both = transaction.sendBatch({ topicMessages: [to(0), to(1)] })
    await expect(both).rejects.toMatchObject({ type: 'TOPIC_AUTHORIZATION_FAILED' })
    expect(bodies(run, 'Produce')).toEqual([])
  })
})

describe('offsets in a transaction', () => {
  it.each([
    ['flat', [{ topic: 't', partition: 0, offset: '1' }]],
    ['one topic', { topic: 't', partitions: [] }],
    ['nothing', [null]],
  ])('in the wrong shape are refused before anything is sent: %s', async (_, topics) => {
    const run = transactionScript()
    const transaction = await (await connected(run)).transaction()
    await expect(transaction.sendOffsets({ consumerGroupId: 'g', topics } as never)).rejects.toMatchObject({
      name: 'KafkaJSNonRetriableError',
      message: `Invalid offset topics, expected [{ topic, partitions: [{ partition, offset }] }] received ${JSON.stringify(topics)}`,
    })
    await expect(transaction.sendOffsets({ consumerGroupId: 'g' } as never)).rejects.toThrow('Missing offset topics')
    expect(bodies(run, 'AddOffsetsToTxn')).toEqual([])
  })

  it('are known to the consumers of the same Kafka before the commit (KJ13), unless they were refused', async () => {
    const marked = async (sent: Promise<void>) => {
      const committedOffsets = new CommittedOffsets()
      const manager = { isInTransaction: () => true, sendOffsets: () => sent } as unknown as TransactionManager
      const { transport } = transactionScript()
      const transaction = createTransaction({
        transport,
        watchOptions: () => {},
        manager,
        ongoing: {} as Ongoing,
        sender: {} as Sender,
        committedOffsets,
        onEnded: () => {},
      })
      await transaction.sendOffsets(offsets).catch(() => {})
      return committedOffsets.ofGroup('g').get('t')?.get(0)
    }
    expect(await marked(Promise.resolve())).toBe(3)
    expect(await marked(Promise.reject(new Error('refused')))).toBeUndefined()
  })

  it('wait for a group coordinator that does not know the topic yet', async () => {
    const run = transactionScript(({ api }, nth) =>
      api === 'TxnOffsetCommit' && nth === 1 ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : undefined,
    )
    const transaction = await (await connected(run)).transaction()
    await transaction.sendOffsets(offsets)
    expect(bodies(run, 'TxnOffsetCommit')).toHaveLength(2)
  })

  it('are announced to its coordinator and committed at that of the group, as kafkajs does', async () => {
    const run = transactionScript()
    const transaction = await (await connected(run)).transaction()
    await transaction.sendOffsets(offsets)
    await transaction.commit()
    expect(asked(run).slice(2)).toEqual([
      'AddOffsetsToTxn v1 @b2',
      'FindCoordinator v2 @b1',
      'TxnOffsetCommit v1 @b1',
      'EndTxn v1 @b2',
    ])
    expect(bodies<TxnOffsetCommitRequest>(run, 'TxnOffsetCommit')).toMatchObject([
      {
        transactionalId: 'tx',
        groupId: 'g',
        producerId: 7,
        producerEpoch: 1,
        topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 3, committedMetadata: null }] }],
      },
    ])
  })

  it('can name the member they are of (KIP-447)', async () => {
    const run = transactionScript()
    const transaction = await (await connected(run)).transaction()
    const member = { memberId: 'm', generationId: 4, groupInstanceId: null }
    await transaction.sendOffsets({ ...offsets, groupMetadata: { groupId: 'g', ...member } })
    expect(asked(run)).toContain('TxnOffsetCommit v3 @b1')
    expect(bodies<TxnOffsetCommitRequest>(run, 'TxnOffsetCommit')).toMatchObject([member])
    await expect(
      transaction.sendOffsets({ ...offsets, groupMetadata: { groupId: 'other', ...member } }),
    ).rejects.toThrow('The group metadata is of group "other", not of "g"')
  })

  it('of a member whose generation is over are refused, and the transaction can be aborted', async () => {
    const run = transactionScript(({ api }) => (api === 'TxnOffsetCommit' ? ErrorCode.ILLEGAL_GENERATION : undefined))
    const transaction = await (await connected(run)).transaction()
    await expect(transaction.sendOffsets(offsets)).rejects.toMatchObject({ type: 'ILLEGAL_GENERATION' })
    await transaction.abort()
    expect(bodies<EndTxnRequest>(run, 'EndTxn').map(({ committed }) => committed)).toEqual([false])
  })

  it.each([
    [{ ...offsets, consumerGroupId: '' }, 'Missing consumerGroupId'],
    [{ consumerGroupId: 'g' } as typeof offsets, 'Missing offset topics'],
    [
      { consumerGroupId: 'g', topics: [{ topic: 't', partitions: [{ partition: 0, offset: 'x' }] }] },
      'Invalid offset, expected a long received x',
    ],
  ])('are checked: %j', async (given, message) => {
    const transaction = await (await connected(transactionScript())).transaction()
    await expect(transaction.sendOffsets(given)).rejects.toThrow(message)
  })
})

describe('refusals', () => {
  it('no transaction without a transactional id', async () => {
    const producer = await connected(transactionScript(), { transactionalId: '' })
    await expect(producer.transaction()).rejects.toMatchObject({
      name: 'KafkaJSNonRetriableError',
      message: 'Must provide transactional id for transactional producer',
    })
  })

  it('one transaction at a time, also of two that begin at once', async () => {
    const producer = await connected(transactionScript())
    const both = await Promise.allSettled([producer.transaction(), producer.transaction()])
    const second =
      'There is already an ongoing transaction for this producer. Please end the transaction before beginning another.'
    expect(both.map((one) => (one.status === 'rejected' ? (one.reason as Error).message : 'begun'))).toEqual([
      'begun',
      second,
    ])
    await expect(producer.transaction()).rejects.toThrow(second)
  })

  it('a transaction that has ended is of no use, while another one is under way, too', async () => {
    const producer = await connected(transactionScript())
    const uses: ((transaction: Transaction) => Promise<unknown>)[] = [
      (transaction) => transaction.send(to(0)),
      (transaction) => transaction.sendBatch({ topicMessages: [to(0)] }),
      (transaction) => transaction.sendOffsets(offsets),
      (transaction) => transaction.commit(),
      (transaction) => transaction.abort(),
    ]
    const first = await producer.transaction()
    await first.commit()
    for (const use of uses) await expect(use(first)).rejects.toThrow(ENDED)
    await producer.transaction()
    for (const use of uses) await expect(use(first)).rejects.toThrow(ENDED)
  })

  it('acks less than all', async () => {
    const transaction = await (await connected(transactionScript())).transaction()
    await expect(transaction.send({ ...to(0), acks: 1 })).rejects.toThrow('Not requiring ack for all messages')
  })

  it('a send that is still under way when its transaction ends does not get into the next one', async () => {
    let answer!: () => void
    const gate = new Promise<void>((resolve) => {
      answer = resolve
    })
    const run = transactionScript(({ api }, nth) => {
      if (api !== 'Produce' || nth > 1) return undefined
      // No answer comes, after the transaction has ended: there would be another attempt.
      return gate.then(() => {
        throw transportError('closed', 'closed')
      })
    })
    const producer = await connected(run)
    const first = await producer.transaction()
    const late = first.send(to(0)).catch((error: Error) => error.message)
    while (bodies(run, 'Produce').length === 0) await new Promise((resolve) => setImmediate(resolve))
    await first.commit()
    await producer.transaction()
    answer()
    expect(await late).toBe(ENDED)
    expect(bodies(run, 'Produce')).toHaveLength(1)
  })
})
