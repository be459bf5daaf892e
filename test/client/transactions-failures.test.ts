/** The transactional producer when things go wrong: coordinators that move, producers that are fenced, batches whose outcome is unknown. */
import { describe, expect, it } from 'vitest'
import { ErrorCode } from '../../src/protocol/errors.ts'
import type { EndTxnRequest, InitProducerIdRequest } from '../../src/protocol/messages.ts'
import { transportError } from './support/script-transport.ts'
import { asked, bodies, connected, ENDED, marks, offsets, to, transactionScript } from './support/transaction-script.ts'

describe('a coordinator', () => {
  it.each([
    ['has moved', ErrorCode.NOT_COORDINATOR, 2],
    ['is not available', ErrorCode.COORDINATOR_NOT_AVAILABLE, 2],
    ['is loading', ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, 1],
    ['still writes markers', ErrorCode.CONCURRENT_TRANSACTIONS, 1],
  ])('that %s is asked again', async (_, code, lookups) => {
    for (const failing of ['InitProducerId', 'AddPartitionsToTxn', 'EndTxn'] as const) {
      const run = transactionScript(({ api }, nth) => (api === failing && nth === 1 ? code : undefined))
      const transaction = await (await connected(run)).transaction()
      await transaction.send(to(0))
      await transaction.commit()
      expect(asked(run).filter((request) => request.startsWith(failing))).toHaveLength(2)
      expect(asked(run).filter((request) => request.startsWith('FindCoordinator'))).toHaveLength(lookups)
    }
  })

  it('that is gone is looked for anew, of the group too', async () => {
    for (const failing of ['InitProducerId', 'AddOffsetsToTxn', 'TxnOffsetCommit', 'EndTxn'] as const) {
      const run = transactionScript(({ api }, nth) => {
        if (api === failing && nth === 1) throw transportError('closed', 'closed', { host: 'b2', port: 9092 })
        return undefined
      })
      const transaction = await (await connected(run)).transaction()
      await transaction.sendOffsets(offsets)
      await transaction.commit()
      expect(asked(run).filter((request) => request.startsWith(failing))).toHaveLength(2)
      expect(asked(run).filter((request) => request.startsWith('FindCoordinator'))).toHaveLength(3)
    }
  })

  it('that never answers well is given up after the retries', async () => {
    const run = transactionScript(({ api }) => (api === 'EndTxn' ? ErrorCode.CONCURRENT_TRANSACTIONS : undefined))
    const producer = await connected(run, {}, { retry: { retries: 2 } })
    const transaction = await producer.transaction()
    await transaction.send(to(0))
    await expect(transaction.commit()).rejects.toMatchObject({ name: 'KafkaJSNumberOfRetriesExceeded', retryCount: 2 })
    // As in kafkajs: whether it was committed is unknown, and this producer cannot find out.
    await expect(transaction.abort()).rejects.toThrow(ENDED)
    await expect(producer.transaction()).rejects.toThrow(
      'Transaction state exception: Cannot call "beginTransaction" in state "COMMITTING"',
    )
  })
})

describe('a fenced producer', () => {
  const fenced = { name: 'KafkaJSProtocolError', type: 'INVALID_PRODUCER_EPOCH', code: 47 }

  it('is told before it has written, in every transaction', async () => {
    const run = transactionScript(({ api }) =>
      api === 'AddPartitionsToTxn' ? ErrorCode.INVALID_PRODUCER_EPOCH : undefined,
    )
    const producer = await connected(run)
    for (let i = 0; i < 2; i += 1) {
      const transaction = await producer.transaction()
      await expect(transaction.send(to(0))).rejects.toMatchObject(fenced)
      await transaction.abort()
    }
    expect(bodies(run, 'Produce')).toEqual([])
    expect(bodies(run, 'EndTxn')).toEqual([])
  })

  it.each(['commit', 'abort'] as const)('is told at %s, and cannot begin another transaction', async (end) => {
    const run = transactionScript(({ api }) => (api === 'EndTxn' ? ErrorCode.INVALID_PRODUCER_EPOCH : undefined))
    const producer = await connected(run)
    const transaction = await producer.transaction()
    await transaction.send(to(0))
    await expect(transaction[end]()).rejects.toMatchObject(fenced)
    expect(bodies(run, 'EndTxn')).toHaveLength(1)
    const state = end === 'commit' ? 'COMMITTING' : 'ABORTING'
    await expect(producer.transaction()).rejects.toThrow(`Cannot call "beginTransaction" in state "${state}"`)
  })

  it.each([
    ErrorCode.INVALID_PRODUCER_EPOCH,
    ErrorCode.PRODUCER_FENCED,
    ErrorCode.INVALID_PRODUCER_ID_MAPPING,
    ErrorCode.INVALID_TXN_STATE,
    ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
  ])('is told %i by every step after a produce that was, and at commit, which ends it', async (code) => {
    for (const before of ['answered', 'lost'] as const) {
      const run = transactionScript(({ api }, nth) => {
        if (api === 'Produce' && nth === 2 && before === 'lost') throw transportError('timeout', 'timeout')
        return api === 'Produce' && nth >= 2 ? code : undefined
      })
      const producer = await connected(run, { retry: { retries: 1 } }, { logLevel: 2 })
      const transaction = await producer.transaction()
      await transaction.send(to(0))
      const over = { name: 'KafkaJSProtocolError', code }
      await expect(transaction.send(to(0))).rejects.toMatchObject(over)
      await expect(transaction.send(to(1))).rejects.toMatchObject(over)
      await expect(transaction.sendOffsets(offsets)).rejects.toMatchObject(over)
      expect(transaction.isActive()).toBe(true)
      await expect(transaction.commit()).rejects.toMatchObject(over)
      expect(transaction.isActive()).toBe(false)
      await expect(transaction.abort()).rejects.toThrow(ENDED)
      await expect(producer.transaction()).rejects.toThrow('Cannot call "beginTransaction" in state "COMMITTING"')
      // Of records that were refused nothing is committed, whatever the coordinator would say.
      expect(bodies(run, 'EndTxn')).toEqual([])
      expect(run.lines.filter((line) => line.includes('Make a new producer'))).toHaveLength(1)
    }
  })

  it('may abort, and have the next epoch where the coordinator knows of nobody else', async () => {
    const run = transactionScript(({ api }, nth) =>
      api === 'Produce' && nth === 1 ? ErrorCode.INVALID_PRODUCER_EPOCH : undefined,
    )
    const producer = await connected(run)
    const transaction = await producer.transaction()
    await expect(transaction.send(to(0))).rejects.toMatchObject(fenced)
    await transaction.abort()
    const next = await producer.transaction()
    await next.send(to(0))
    await next.commit()
    expect(marks(run)).toEqual(['0: 7/1/0', '0: 7/2/0'])
  })

  it('does not get the next epoch', async () => {
    const run = transactionScript(({ api }, nth) => {
      if (api === 'Produce') throw transportError('timeout', 'timeout')
      return api === 'InitProducerId' && nth > 1 ? ErrorCode.INVALID_PRODUCER_EPOCH : undefined
    })
    const producer = await connected(run, { retry: { retries: 0 } })
    const transaction = await producer.transaction()
    await expect(transaction.send(to(0))).rejects.toThrow()
    await transaction.abort()
    await expect(producer.transaction()).rejects.toMatchObject(fenced)
    await expect(producer.transaction()).rejects.toMatchObject(fenced)
  })
})

describe('a batch that fails inside', () => {
  it('and is not there leaves its number, and the transaction goes on', async () => {
    const run = transactionScript(({ api }, nth) =>
      api === 'Produce' && nth === 1 ? ErrorCode.MESSAGE_TOO_LARGE : undefined,
    )
    const transaction = await (await connected(run)).transaction()
    await expect(transaction.send(to(0, 3))).rejects.toMatchObject({ type: 'MESSAGE_TOO_LARGE' })
    await transaction.send(to(0))
    await transaction.commit()
    expect(marks(run)).toEqual(['0: 7/1/0', '0: 7/1/0'])
    expect(bodies(run, 'InitProducerId')).toHaveLength(1)
  })

  it('with an unknown outcome leaves only abort, and the next epoch', async () => {
    const run = transactionScript(({ api }, nth) => {
      if (api === 'Produce' && nth === 2) throw transportError('timeout', 'timeout')
      return undefined
    })
    const producer = await connected(run, { retry: { retries: 0 } })
    const transaction = await producer.transaction()
    await transaction.send(to(0, 2))
    await expect(transaction.send(to(0))).rejects.toMatchObject({ name: 'KafkaJSNumberOfRetriesExceeded' })
    const unknown = 'A batch of this transaction failed in a way that leaves only abort'
    await expect(transaction.send(to(1))).rejects.toThrow(unknown)
    await expect(transaction.sendOffsets(offsets)).rejects.toThrow(unknown)
    await expect(transaction.commit()).rejects.toThrow(unknown)
    expect(transaction.isActive()).toBe(true)
    await transaction.abort()

    const next = await producer.transaction()
    await next.send(to(0))
    await next.send(to(1))
    await next.commit()
    expect(asked(run).filter((request) => request.startsWith('InitProducerId'))).toEqual([
      'InitProducerId v1 @b2',
      'InitProducerId v3 @b2',
    ])
    expect(bodies<InitProducerIdRequest>(run, 'InitProducerId')[1]).toMatchObject({ producerId: 7, producerEpoch: 1 })
    expect(marks(run)).toEqual(['0: 7/1/0', '0: 7/1/2', '0: 7/2/0', '1: 7/2/0'])
  })

  it('with quirks.kafkajsSequenceReuse leaves its number to the next one, whatever became of it', async () => {
    const run = transactionScript(({ api }, nth) => {
      if (api === 'Produce' && nth === 1) throw transportError('timeout', 'timeout')
      return undefined
    })
    const quirks = { quirks: { kafkajsSequenceReuse: true } }
    const transaction = await (await connected(run, { retry: { retries: 0 } }, quirks)).transaction()
    await expect(transaction.send(to(0))).rejects.toMatchObject({ name: 'KafkaJSNumberOfRetriesExceeded' })
    await transaction.send(to(0))
    await transaction.commit()
    expect(marks(run)).toEqual(['0: 7/1/0', '0: 7/1/0'])
  })
})

describe('a transaction the coordinator does not know', () => {
  it('has not ended well if something was confirmed', async () => {
    const run = transactionScript(({ api }) => (api === 'EndTxn' ? ErrorCode.INVALID_TXN_STATE : undefined))
    const transaction = await (await connected(run)).transaction()
    await transaction.send(to(0))
    await expect(transaction.commit()).rejects.toMatchObject({ type: 'INVALID_TXN_STATE' })
  })
})

describe('an addition without an answer', () => {
  const lost = (endCode: number) =>
    transactionScript(({ api }) => {
      if (api === 'AddPartitionsToTxn') throw transportError('timeout', 'timeout')
      return api === 'EndTxn' ? endCode : undefined
    })

  it.each([
    ['which the coordinator has', ErrorCode.NONE],
    ['which it does not have', ErrorCode.INVALID_TXN_STATE],
  ])('%s, is ended at the coordinator', async (_, code) => {
    const run = lost(code)
    const producer = await connected(run, {}, { retry: { retries: 1 } })
    const transaction = await producer.transaction()
    await expect(transaction.send(to(0))).rejects.toMatchObject({ name: 'KafkaJSNumberOfRetriesExceeded' })
    await transaction.abort()
    expect(bodies<EndTxnRequest>(run, 'EndTxn').map(({ committed }) => committed)).toEqual([false])
    expect((await producer.transaction()).isActive()).toBe(true)
  })
})
