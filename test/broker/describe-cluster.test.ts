import { describe, expect, test } from 'vitest'
import { stepMetadata } from '../../src/broker/index.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { makeDescribeClusterRequest, makeMetadataRequest } from '../../src/protocol/make.ts'
import type { DescribeClusterRequest } from '../../src/protocol/messages.ts'
import { type Bench, createBench } from './support.ts'

const ask = (bench: Bench, version: number, body: Partial<DescribeClusterRequest> = {}) =>
  bench.ask('DescribeCluster', version, makeDescribeClusterRequest(body))

/** Broker 1 and a broker 2 that is fenced. */
function withFencedBroker(): Bench {
  const bench = createBench()
  const context = { now: bench.now, uuid: () => '', memberUuid: () => '' }
  stepMetadata(
    bench.state,
    [
      {
        type: 'broker',
        id: 2,
        host: 'localhost',
        port: 9093,
        rack: null,
        epoch: 0,
        fenced: true,
        inControlledShutdown: false,
      },
    ],
    context,
  )
  return bench
}
const BROKER_1 = { brokerId: 1, host: 'localhost', port: 9092, rack: null, isFenced: false }

describe('DescribeCluster', () => {
  test('names the brokers in service, one of them as the controller, as Metadata does', () => {
    const bench = withFencedBroker()
    const answer = ask(bench, 1)
    expect(answer).toMatchObject({ errorCode: 0, controllerId: 1, endpointType: 1, brokers: [BROKER_1] })
    const metadata = bench.ask('Metadata', 9, makeMetadataRequest({ topics: [] }))
    expect(answer).toMatchObject({ clusterId: metadata.clusterId, controllerId: metadata.controllerId })
  })

  test('v2 shows fenced brokers too, when asked', () => {
    const bench = withFencedBroker()
    expect(ask(bench, 2).brokers).toEqual([BROKER_1])
    expect(ask(bench, 2, { includeFencedBrokers: true }).brokers).toEqual([
      BROKER_1,
      { brokerId: 2, host: 'localhost', port: 9093, rack: null, isFenced: true },
    ])
    expect(ask(bench, 1, { includeFencedBrokers: true }).brokers).toEqual([BROKER_1])
  })

  test('a broker is no controller endpoint: MISMATCHED_ENDPOINT_TYPE; other types are UNSUPPORTED_ENDPOINT_TYPE', () => {
    const bench = createBench()
    expect(ask(bench, 1, { endpointType: 2 })).toMatchObject({
      errorCode: ErrorCode.MISMATCHED_ENDPOINT_TYPE,
      brokers: [],
    })
    for (const endpointType of [0, 3]) {
      expect(ask(bench, 1, { endpointType }).errorCode).toBe(ErrorCode.UNSUPPORTED_ENDPOINT_TYPE)
    }
    expect(ask(bench, 0, { endpointType: 2 }).errorCode).toBe(0)
  })

  test('tells the authorized operations only when asked: all of them, there is no authorizer', () => {
    const bench = createBench()
    expect(ask(bench, 1).clusterAuthorizedOperations).toBe(-2147483648)
    const { clusterAuthorizedOperations } = ask(bench, 1, { includeClusterAuthorizedOperations: true })
    const operations = [5, 7, 8, 9, 10, 11, 12]
    expect(operations.every((code) => (clusterAuthorizedOperations & (1 << code)) !== 0)).toBe(true)
    expect(clusterAuthorizedOperations.toString(2).replaceAll('0', '')).toHaveLength(operations.length)
  })
})
