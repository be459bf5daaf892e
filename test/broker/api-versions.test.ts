/** What a broker offers, by the release posed as: ApiVersions, and what becomes of requests outside of it. */
import { describe, expect, test } from 'vitest'
import { compatibilityDocsAreCurrent } from '../../scripts/generate-compatibility-docs.ts'
import { KAFKA_RELEASES, RELEASES } from '../../src/broker/api/releases.ts'
import { isServed, isSince, offerOf } from '../../src/broker/index.ts'
import { API } from '../../src/protocol/apis.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeApiVersionsRequest,
  makeConsumerGroupHeartbeatRequest,
  makeMetadataRequest,
  makeUpdateFeaturesRequest,
} from '../../src/protocol/make.ts'
import type { ApiName, ApiVersionsResponse, UpdateFeaturesRequest } from '../../src/protocol/messages.ts'
import { type Bench, createBench } from './support.ts'

const LIBRARY = { clientSoftwareName: 'apache-kafka-java', clientSoftwareVersion: '4.3.0' }
const ask = (bench: Bench, version: number, body = LIBRARY) =>
  bench.ask('ApiVersions', version, makeApiVersionsRequest(body))
const rangeOf = ({ apiKeys }: ApiVersionsResponse, api: ApiName) => {
  const found = apiKeys.find(({ apiKey }) => apiKey === API[api].key)
  return found === undefined ? null : [found.minVersion, found.maxVersion]
}

test('docs/compatibility.md is current', () => {
  expect(compatibilityDocsAreCurrent()).toBe(true)
})

describe('the table', () => {
  test('ranges are in order, and no release offers what the codec does not speak', () => {
    for (const [api, releases] of Object.entries(RELEASES)) {
      let before = ''
      for (const [since, min, max] of releases) {
        expect(KAFKA_RELEASES).toContain(since)
        expect(before === '' || (isSince(since, before) && since !== before)).toBe(true)
        expect(min).toBeLessThanOrEqual(max)
        before = since
      }
      expect(API[api as ApiName].minVersion).toBe(0)
    }
  })

  test.each([
    [
      '2.4',
      {
        Produce: [0, 8],
        Fetch: [0, 11],
        OffsetCommit: [1, 8],
        Metadata: [0, 9],
        DeleteTopics: [0, 4],
        DescribeCluster: null,
      },
    ],
    ['2.8', { Fetch: [0, 12], DescribeCluster: [0, 0], ListTransactions: null, UpdateFeatures: [0, 0] }],
    ['3.7', { Produce: [0, 10], Fetch: [0, 16], ConsumerGroupHeartbeat: [0, 0], ConsumerGroupDescribe: null }],
    [
      '3.9',
      {
        ApiVersions: [0, 4],
        ListOffsets: [0, 9],
        EndTxn: [0, 4],
        FindCoordinator: [0, 6],
        DescribeTopicPartitions: null,
      },
    ],
    ['4.0', { Fetch: [4, 17], JoinGroup: [2, 9], CreateTopics: [2, 7], ListConfigResources: [0, 0] }],
    ['4.1', { Produce: [0, 13], Fetch: [4, 18], JoinGroup: [0, 9], OffsetCommit: [2, 9], ListTransactions: [0, 2] }],
    [
      '4.3',
      { Produce: [0, 13], ListOffsets: [1, 11], OffsetFetch: [1, 10], Metadata: [0, 13], DescribeLogDirs: [1, 5] },
    ],
  ] as const)('Kafka %s', (version, expected) => {
    const answer = ask(createBench({}, {}, { version }), 3)
    for (const [api, range] of Object.entries(expected))
      expect([api, rangeOf(answer, api as ApiName)]).toEqual([api, range])
  })

  test('login, ACLs, quotas and telemetry are not advertised', () => {
    const keys = offerOf('4.3').advertised.map(({ apiKey }) => apiKey)
    for (const key of [17, 29, 30, 31, 36, 48, 49, 50, 51, 71, 72]) expect(keys).not.toContain(key)
  })

  test('a release of three numbers is that of its first two', () => {
    expect(offerOf('3.9.1').advertised).toEqual(offerOf('3.9').advertised)
    expect(isSince('3.10', '3.9')).toBe(true)
    expect(isSince('2.8', '3.0')).toBe(false)
  })

  test('every client of the survey can negotiate with Kafka 4.3', () => {
    const { served } = offerOf('4.3')
    for (const [api, min, max] of NEEDED) {
      const range = served.get(api)
      expect([api, range !== undefined && range.minVersion <= min && range.maxVersion >= max]).toEqual([api, true])
    }
  })
})

/** What kafkajs, librdkafka, @platformatic/kafka and kafka-python need between them. */
const NEEDED: readonly (readonly [ApiName, number, number])[] = [
  ['ApiVersions', 0, 4],
  ['Produce', 3, 11],
  ['Fetch', 4, 17],
  ['ListOffsets', 1, 9],
  ['Metadata', 0, 12],
  ['OffsetCommit', 2, 9],
  ['OffsetFetch', 1, 9],
  ['FindCoordinator', 0, 6],
  ['JoinGroup', 0, 9],
  ['Heartbeat', 0, 4],
  ['LeaveGroup', 0, 5],
  ['SyncGroup', 0, 5],
  ['DescribeGroups', 0, 5],
  ['ListGroups', 0, 5],
  ['DeleteGroups', 0, 2],
  ['CreateTopics', 2, 7],
  ['DeleteTopics', 1, 6],
  ['DeleteRecords', 0, 2],
  ['CreatePartitions', 0, 3],
  ['InitProducerId', 0, 5],
  ['AddPartitionsToTxn', 0, 3],
  ['AddOffsetsToTxn', 0, 4],
  ['EndTxn', 0, 4],
  ['TxnOffsetCommit', 0, 4],
  ['DescribeConfigs', 1, 4],
  ['AlterConfigs', 0, 2],
  ['IncrementalAlterConfigs', 0, 1],
  ['OffsetForLeaderEpoch', 2, 4],
  ['OffsetDelete', 0, 0],
  ['AlterPartitionReassignments', 0, 0],
  ['ListPartitionReassignments', 0, 0],
  ['DescribeCluster', 0, 1],
]

describe('what is not offered', () => {
  test('closes the connection', () => {
    const metadata = (version: string, apiVersion: number) => {
      const bench = createBench({}, {}, { version })
      return bench.answers.get(bench.send('Metadata', apiVersion, makeMetadataRequest({ topics: null })))
    }
    expect(metadata('3.9', 12)).not.toBeNull()
    expect(metadata('3.9', 13)).toBeNull()
    expect(metadata('4.0', 13)).not.toBeNull()
  })

  test('Produce is advertised from 0, and since 4.0 served from 3 (KAFKA-18659)', () => {
    for (const release of KAFKA_RELEASES) {
      const offer = offerOf(release)
      expect(offer.advertised.find(({ apiKey }) => apiKey === API.Produce.key)?.minVersion).toBe(0)
      expect([2, 3].map((version) => isServed(offer, 'Produce', version))).toEqual([!isSince(release, '4.0'), true])
    }
  })

  test('an API that came later', () => {
    expect(isServed(offerOf('2.7'), 'DescribeCluster', 0)).toBe(false)
    expect(isServed(offerOf('2.8'), 'DescribeCluster', 0)).toBe(true)
  })
})

describe('who asks', () => {
  test.each([
    ['', '1'],
    ['kafkajs', ''],
    ['-kafkajs', '1'],
    ['kafka js', '1'],
    ['kafkajs', '1.0.'],
  ])('%j %j is INVALID_REQUEST', (clientSoftwareName, clientSoftwareVersion) => {
    const bench = createBench()
    const answer = ask(bench, 3, { clientSoftwareName, clientSoftwareVersion })
    expect(answer).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST, apiKeys: [] })
    // Before v3 nobody says.
    expect(ask(bench, 2, { clientSoftwareName, clientSoftwareVersion }).errorCode).toBe(0)
  })

  test.each([
    ['librdkafka', '2.15.1'],
    ['a', '1'],
    ['confluent-kafka-js-librdkafka', 'v1.10.1-librdkafka-2.15.1'],
  ])('%s %s is somebody', (clientSoftwareName, clientSoftwareVersion) => {
    expect(ask(createBench(), 3, { clientSoftwareName, clientSoftwareVersion }).errorCode).toBe(0)
  })
})

describe('features', () => {
  const levels = (bench: Bench) =>
    Object.fromEntries(ask(bench, 4).finalizedFeatures.map(({ name, maxVersionLevel }) => [name, maxVersionLevel]))
  const update = (
    bench: Bench,
    version: number,
    feature: string,
    level: number,
    more: Partial<UpdateFeaturesRequest> = {},
    type = 1,
  ) =>
    bench.ask(
      'UpdateFeatures',
      version,
      makeUpdateFeaturesRequest({
        featureUpdates: [{ feature, maxVersionLevel: level, upgradeType: type, allowDowngrade: type > 1 }],
        ...more,
      }),
    )

  test('Kafka 4.3', () => {
    const bench = createBench()
    expect(levels(bench)).toMatchObject({
      'metadata.version': 30,
      'group.version': 1,
      'eligible.leader.replicas.version': 1,
    })
    const { supportedFeatures } = ask(bench, 4)
    expect(supportedFeatures).toContainEqual({ name: 'metadata.version', minVersion: 7, maxVersion: 30 })
    expect(supportedFeatures).toContainEqual({ name: 'kraft.version', minVersion: 0, maxVersion: 1 })
  })

  test('Kafka 4.0 begins without eligible leader replicas', () => {
    expect(levels(createBench({}, {}, { version: '4.0' }))).not.toHaveProperty('eligible.leader.replicas.version')
  })

  test('in v3 those that can be off are left out of what is supported (KAFKA-17011)', () => {
    const answer = ask(createBench(), 3)
    expect(answer.supportedFeatures.map(({ name }) => name)).toEqual(['metadata.version'])
    expect(answer.finalizedFeatures.map(({ name }) => name)).toContain('group.version')
  })

  test('before v3, and before Kafka 4.0, there are none', () => {
    for (const answer of [ask(createBench(), 2), ask(createBench({}, {}, { version: '3.9' }), 4)])
      expect(answer).toMatchObject({ supportedFeatures: [], finalizedFeatures: [], finalizedFeaturesEpoch: -1 })
  })

  test('level 2 of transactions goes with the versions it needs', () => {
    const { served } = offerOf('4.3')
    const reaches = (['EndTxn', 'TxnOffsetCommit'] as const).every((api) => (served.get(api)?.maxVersion ?? 0) >= 5)
    expect(levels(createBench())['transaction.version'] ?? 0).toBe(reaches ? 2 : 0)
  })

  test('UpdateFeatures finalizes a level, and the epoch moves', () => {
    const bench = createBench()
    const before = ask(bench, 4).finalizedFeaturesEpoch
    expect(update(bench, 1, 'group.version', 0, {}, 2)).toMatchObject({
      errorCode: 0,
      results: [{ feature: 'group.version', errorCode: 0 }],
    })
    expect(levels(bench)).not.toHaveProperty('group.version')
    expect(ask(bench, 4).finalizedFeaturesEpoch).toBe(before + 1)
    // From v2 on there is one answer for all.
    expect(update(bench, 2, 'group.version', 1)).toMatchObject({ errorCode: 0, results: [] })
    expect(levels(bench)).toHaveProperty('group.version', 1)
  })

  test('without level 1 of groups there is no consumer protocol', () => {
    const bench = createBench({ __consumer_offsets: 1 })
    const beat = () => {
      const body = makeConsumerGroupHeartbeatRequest({
        groupId: 'g',
        memberId: 'm',
        memberEpoch: 0,
        rebalanceTimeoutMs: 60_000,
        subscribedTopicNames: ['orders'],
        topicPartitions: [],
      })
      return bench.ask('ConsumerGroupHeartbeat', 1, body).errorCode
    }
    expect(beat()).toBe(0)
    update(bench, 2, 'group.version', 0, {}, 2)
    expect(beat()).toBe(ErrorCode.UNSUPPORTED_VERSION)
  })

  test('validateOnly changes nothing', () => {
    const bench = createBench()
    expect(update(bench, 1, 'group.version', 0, { validateOnly: true }, 2).errorCode).toBe(0)
    expect(levels(bench)).toHaveProperty('group.version', 1)
  })

  test.each([
    ['no.such.feature', 1, 1, /do not have/],
    ['group.version', 2, 1, /support 0 to 1/],
    ['group.version', -1, 2, /below 0/],
    ['group.version', 0, 1, /only when the request allows/],
    ['group.version', 1, 7, /upgrade type 7/],
    ['eligible.leader.replicas.version', 1, 0, /upgrade type 0/],
    ['metadata.version', 29, 3, /lose metadata/],
    ['kraft.version', 1, 1, /static/],
  ])('%s to %i, type %i, is INVALID_UPDATE_VERSION', (feature, level, type, why) => {
    const bench = createBench()
    const before = levels(bench)
    const answer = update(bench, 1, feature, level, {}, type)
    expect(answer.errorCode).toBe(ErrorCode.INVALID_UPDATE_VERSION)
    expect(answer.errorMessage).toMatch(why)
    expect(answer.results).toEqual([])
    expect(levels(bench)).toEqual(before)
  })

  test('v0 says by a flag of its own that a level may go down', () => {
    const bench = createBench()
    const down = (allowDowngrade: boolean) =>
      bench.ask(
        'UpdateFeatures',
        0,
        makeUpdateFeaturesRequest({
          featureUpdates: [{ feature: 'group.version', maxVersionLevel: 0, upgradeType: 1, allowDowngrade }],
        }),
      ).errorCode
    expect([down(false), down(true)]).toEqual([ErrorCode.INVALID_UPDATE_VERSION, 0])
  })
})
