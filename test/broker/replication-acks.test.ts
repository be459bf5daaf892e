/** Law P1: what acks=all is told, and when. */
import { describe, expect, test } from 'vitest'
import { stepTimer } from '../../src/broker/index.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { makePartitionProduceData, makeProduceRequest, makeTopicProduceData } from '../../src/protocol/make.ts'
import type { ProduceResponse } from '../../src/protocol/messages.ts'
import type { TestCluster } from './controller-cluster.ts'
import { brokerAt, fence, logAt, replicated, start } from './replication-support.ts'
import { batchOf } from './support.ts'

const MIN_ISR = { 'min.insync.replicas': '2' }
const sendAll = (cluster: TestCluster, to: number, values: readonly string[]) => {
  const partitionData = [makePartitionProduceData({ index: 0, records: [batchOf(values)] })]
  const topicData = [makeTopicProduceData({ name: 'orders', partitionData })]
  const id = cluster.send(to, 'Produce', 7, makeProduceRequest({ acks: -1, timeoutMs: 1000, topicData }))
  return () => (cluster.answers.get(id) as ProduceResponse | undefined)?.responses[0]?.partitionResponses[0]
}

describe('P1: acks=all', () => {
  test('is answered when the last in-sync replica has copied, not when one has', () => {
    const cluster = replicated({}, MIN_ISR)
    cluster.down.add(3)
    const answer = sendAll(cluster, 1, ['a', 'b'])
    expect(answer()).toBeUndefined()
    cluster.settle()
    expect(logAt(cluster, 2).logEndOffset).toBe(2)
    expect(answer()).toBeUndefined()
    fence(cluster, 3)
    expect(answer()).toMatchObject({ errorCode: 0, baseOffset: 0 })
  })

  test('NOT_ENOUGH_REPLICAS: nothing is appended', () => {
    const cluster = replicated({}, MIN_ISR)
    fence(cluster, 2)
    fence(cluster, 3)
    expect(sendAll(cluster, 1, ['a'])()).toMatchObject({ errorCode: ErrorCode.NOT_ENOUGH_REPLICAS, baseOffset: -1 })
    expect(logAt(cluster, 1).logEndOffset).toBe(0)
  })

  test('A7: NOT_ENOUGH_REPLICAS_AFTER_APPEND: the ISR shrank meanwhile; before KAFKA-15583 the record is committed', () => {
    const cluster = replicated({ switches: { strictMinIsr: false } }, MIN_ISR)
    cluster.down.add(2)
    cluster.down.add(3)
    const answer = sendAll(cluster, 1, ['a'])
    fence(cluster, 2)
    fence(cluster, 3)
    expect(answer()).toMatchObject({ errorCode: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, baseOffset: -1 })
    expect(logAt(cluster, 1)).toMatchObject({ logEndOffset: 1, highWatermark: 1 })
  })

  test('since then it waits: REQUEST_TIMED_OUT, and committed once somebody is back', () => {
    const cluster = replicated({}, MIN_ISR)
    cluster.down.add(2)
    cluster.down.add(3)
    const answer = sendAll(cluster, 1, ['a'])
    fence(cluster, 2)
    fence(cluster, 3)
    expect(answer()).toBeUndefined()
    const [id = -1] = brokerAt(cluster, 1).parkedProduces.keys()
    const context = { now: cluster.now + 1000, uuid: () => '', memberUuid: () => '' }
    const { replies } = stepTimer(brokerAt(cluster, 1), { type: 'produce', id }, context)
    const body = replies[0]?.body as ProduceResponse | undefined
    expect(body?.responses[0]?.partitionResponses[0]).toMatchObject({
      errorCode: ErrorCode.REQUEST_TIMED_OUT,
      baseOffset: -1,
    })
    start(cluster, 2)
    expect(logAt(cluster, 1)).toMatchObject({ logEndOffset: 1, highWatermark: 1 })
  })

  test('who waits at a broker that leads no more is told NOT_LEADER_OR_FOLLOWER', () => {
    const cluster = replicated({}, MIN_ISR)
    cluster.down.add(2)
    cluster.down.add(3)
    const answer = sendAll(cluster, 1, ['a'])
    cluster.down.clear()
    // It is fenced, and lives: its session ended, it hears of its successor.
    fence(cluster, 1)
    cluster.down.clear()
    cluster.publish(cluster.controller.log.slice(-1))
    cluster.settle()
    expect(answer()).toMatchObject({ errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, baseOffset: -1 })
    expect(brokerAt(cluster, 1).parkedProduces.size).toBe(0)
  })
})
