/** Bytes worked out by somebody else: kafkajs's own encoders and decoders, and frames written by hand. */
import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse, frame } from '../../src/protocol/codec.ts'
import * as make from '../../src/protocol/make.ts'
import type { ApiName, RequestOf } from '../../src/protocol/messages.ts'
import { encodeBatch, readRecords } from '../../src/protocol/records.ts'
import { encodeUtf8 } from '../../src/protocol/utf8.ts'
import { hex, unhex } from './hex.ts'

const require = createRequire(import.meta.url)

interface KafkaJsEncoder {
  readonly buffer: Buffer
}
type KafkaJsRequest = (fields: object) => object
type FrameRequest = (parts: { correlationId: number; clientId: string; request: object }) => Promise<KafkaJsEncoder>

/** The request's frame, without its length, as kafkajs makes it. */
async function kafkajs(path: string, fields: object): Promise<string> {
  const request = require(`kafkajs/src/protocol/requests/${path}/request`) as KafkaJsRequest
  const inFrame = require('kafkajs/src/protocol/request') as FrameRequest
  const encoder = await inFrame({ correlationId: 42, clientId: 'golden', request: request(fields) })
  return hex(new Uint8Array(encoder.buffer).subarray(4))
}

function ours<A extends ApiName>(api: A, version: number, body: RequestOf<A>): string {
  const bytes = encodeRequest(api, version, { correlationId: 42, clientId: 'golden' }, body)
  expect(decodeRequest(bytes).body).toEqual(body)
  return hex(bytes)
}

describe('requests as kafkajs writes them', () => {
  test('ApiVersions v2', async () => {
    expect(ours('ApiVersions', 2, make.makeApiVersionsRequest())).toBe(await kafkajs('apiVersions/v2', {}))
  })

  test('Metadata v6', async () => {
    const topics = ['orders', '주문'].map((name) => make.makeMetadataRequestTopic({ name }))
    expect(ours('Metadata', 6, make.makeMetadataRequest({ topics, allowAutoTopicCreation: false }))).toBe(
      await kafkajs('metadata/v6', { topics: ['orders', '주문'], allowAutoTopicCreation: false }),
    )
  })

  test('DescribeConfigs v2 and AlterConfigs v1', async () => {
    const described = { resourceType: 2, resourceName: 'orders', configurationKeys: ['retention.ms'] }
    expect(
      ours('DescribeConfigs', 2, make.makeDescribeConfigsRequest({ resources: [described], includeSynonyms: true })),
    ).toBe(
      await kafkajs('describeConfigs/v2', {
        resources: [{ type: 2, name: 'orders', configNames: ['retention.ms'] }],
        includeSynonyms: true,
      }),
    )
    const configs = [{ name: 'retention.ms', value: '5' }]
    const altered = { resourceType: 2, resourceName: 'orders', configs }
    expect(ours('AlterConfigs', 1, make.makeAlterConfigsRequest({ resources: [altered], validateOnly: true }))).toBe(
      await kafkajs('alterConfigs/v1', {
        resources: [{ type: 2, name: 'orders', configEntries: configs }],
        validateOnly: true,
      }),
    )
  })

  test('Produce v7', async () => {
    const timestamp = 1767225600000
    const batch = encodeBatch(
      [
        { key: 'a', value: '값', timestamp, headers: [['h', 'v']] },
        { key: null, value: null, timestamp: timestamp + 700 },
      ],
      { partitionLeaderEpoch: 0, producerId: 9, producerEpoch: 3, baseSequence: 5, transactional: true },
    )
    const body = make.makeProduceRequest({
      transactionalId: 'tx',
      acks: -1,
      timeoutMs: 30000,
      topicData: [make.makeTopicProduceData({ name: 'orders', partitionData: [{ index: 2, records: [batch] }] })],
    })
    const messages = [
      { key: Buffer.from('a'), value: Buffer.from('값'), timestamp, headers: { h: 'v' } },
      { key: null, value: null, timestamp: timestamp + 700 },
    ]
    const topicData = [{ topic: 'orders', partitions: [{ partition: 2, firstSequence: 5, messages }] }]
    const fields = { acks: -1, timeout: 30000, transactionalId: 'tx', producerId: 9, producerEpoch: 3, topicData }
    expect(ours('Produce', 7, body)).toBe(await kafkajs('produce/v7', fields))
  })

  test('Fetch v11', async () => {
    const topics = [
      make.makeFetchTopic({
        topic: 'orders',
        partitions: [
          make.makeFetchPartition({
            partition: 1,
            fetchOffset: 2 ** 40,
            partitionMaxBytes: 1000,
            currentLeaderEpoch: 4,
          }),
        ],
      }),
    ]
    const body = make.makeFetchRequest({
      replicaId: -1,
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 9000,
      isolationLevel: 1,
      rackId: 'r',
      topics,
    })
    const fields = {
      replicaId: -1,
      maxWaitTime: 500,
      minBytes: 1,
      maxBytes: 9000,
      isolationLevel: 1,
      rackId: 'r',
      topics: [
        {
          topic: 'orders',
          partitions: [{ partition: 1, currentLeaderEpoch: 4, fetchOffset: 2 ** 40, maxBytes: 1000 }],
        },
      ],
    }
    expect(ours('Fetch', 11, body)).toBe(await kafkajs('fetch/v11', fields))
  })

  test('ListOffsets v3', async () => {
    const partitions = [make.makeListOffsetsPartition({ partitionIndex: 3, timestamp: -2 })]
    const body = make.makeListOffsetsRequest({
      replicaId: -1,
      isolationLevel: 1,
      topics: [{ name: 'orders', partitions }],
    })
    const topics = [{ topic: 'orders', partitions: [{ partition: 3, timestamp: -2 }] }]
    expect(ours('ListOffsets', 3, body)).toBe(
      await kafkajs('listOffsets/v3', { replicaId: -1, isolationLevel: 1, topics }),
    )
  })

  test('FindCoordinator v2', async () => {
    expect(ours('FindCoordinator', 2, make.makeFindCoordinatorRequest({ key: 'tx-1', keyType: 1 }))).toBe(
      await kafkajs('findCoordinator/v2', { coordinatorKey: 'tx-1', coordinatorType: 1 }),
    )
  })

  test('JoinGroup v5', async () => {
    const metadata = new Uint8Array([1, 2, 3])
    const body = make.makeJoinGroupRequest({
      groupId: 'g',
      sessionTimeoutMs: 30000,
      rebalanceTimeoutMs: 60000,
      memberId: 'm',
      groupInstanceId: 'i',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata }],
    })
    const fields = {
      groupId: 'g',
      sessionTimeout: 30000,
      rebalanceTimeout: 60000,
      memberId: 'm',
      groupInstanceId: 'i',
      protocolType: 'consumer',
      groupProtocols: [{ name: 'range', metadata: Buffer.from(metadata) }],
    }
    expect(ours('JoinGroup', 5, body)).toBe(await kafkajs('joinGroup/v5', fields))
  })

  test('AlterPartitionReassignments v0 and ListPartitionReassignments v0', async () => {
    const altered = make.makeAlterPartitionReassignmentsRequest({
      timeoutMs: 30000,
      topics: [
        { name: 'orders', partitions: [{ partitionIndex: 0, replicas: [1, 2] }] },
        { name: '주문', partitions: [{ partitionIndex: 3, replicas: [] }] },
      ],
    })
    expect(ours('AlterPartitionReassignments', 0, altered)).toBe(
      await kafkajs('alterPartitionReassignments/v0', {
        timeout: 30000,
        topics: [
          { topic: 'orders', partitionAssignment: [{ partition: 0, replicas: [1, 2] }] },
          { topic: '주문', partitionAssignment: [{ partition: 3, replicas: [] }] },
        ],
      }),
    )
    for (const topics of [null, [{ topic: 'orders', partitions: [0, 4] }]]) {
      const listed = make.makeListPartitionReassignmentsRequest({
        timeoutMs: 5,
        topics: topics?.map(({ topic, partitions }) => ({ name: topic, partitionIndexes: partitions })) ?? null,
      })
      expect(ours('ListPartitionReassignments', 0, listed)).toBe(
        await kafkajs('listPartitionReassignments/v0', { timeout: 5, topics }),
      )
    }
  })

  test('SyncGroup v3', async () => {
    const assignment = new Uint8Array([9])
    const body = make.makeSyncGroupRequest({
      groupId: 'g',
      generationId: 7,
      memberId: 'm',
      assignments: [{ memberId: 'm', assignment }],
    })
    const groupAssignment = [{ memberId: 'm', memberAssignment: Buffer.from(assignment) }]
    expect(ours('SyncGroup', 3, body)).toBe(
      await kafkajs('syncGroup/v3', { groupId: 'g', generationId: 7, memberId: 'm', groupAssignment }),
    )
  })

  test('Heartbeat v3 and LeaveGroup v3', async () => {
    const beat = make.makeHeartbeatRequest({ groupId: 'g', generationId: 1, memberId: 'm' })
    const fields = { groupId: 'g', groupGenerationId: 1, memberId: 'm', groupInstanceId: null }
    expect(ours('Heartbeat', 3, beat)).toBe(await kafkajs('heartbeat/v3', fields))
    const leave = make.makeLeaveGroupRequest({
      groupId: 'g',
      members: [make.makeMemberIdentity({ memberId: 'm', groupInstanceId: 'i' })],
    })
    expect(ours('LeaveGroup', 3, leave)).toBe(
      await kafkajs('leaveGroup/v3', { groupId: 'g', members: [{ memberId: 'm', groupInstanceId: 'i' }] }),
    )
  })

  test('OffsetCommit v5 and OffsetFetch v4', async () => {
    const partitions = [
      make.makeOffsetCommitRequestPartition({ partitionIndex: 0, committedOffset: 12, committedMetadata: null }),
    ]
    const commit = make.makeOffsetCommitRequest({
      groupId: 'g',
      generationIdOrMemberEpoch: 1,
      memberId: 'm',
      topics: [make.makeOffsetCommitRequestTopic({ name: 't', partitions })],
    })
    const topics = [{ topic: 't', partitions: [{ partition: 0, offset: 12 }] }]
    expect(ours('OffsetCommit', 5, commit)).toBe(
      await kafkajs('offsetCommit/v5', { groupId: 'g', groupGenerationId: 1, memberId: 'm', topics }),
    )
    const fetch = make.makeOffsetFetchRequest({ groupId: 'g', topics: [{ name: 't', partitionIndexes: [0, 3] }] })
    const fetchTopics = [{ topic: 't', partitions: [{ partition: 0 }, { partition: 3 }] }]
    expect(ours('OffsetFetch', 4, fetch)).toBe(await kafkajs('offsetFetch/v4', { groupId: 'g', topics: fetchTopics }))
  })

  test('CreateTopics v3', async () => {
    const topic = make.makeCreatableTopic({
      name: 't',
      numPartitions: 3,
      replicationFactor: 2,
      assignments: [{ partitionIndex: 0, brokerIds: [1, 2] }],
      configs: [{ name: 'cleanup.policy', value: 'compact' }],
    })
    const body = make.makeCreateTopicsRequest({ topics: [topic], timeoutMs: 5000, validateOnly: true })
    const fields = {
      validateOnly: true,
      timeout: 5000,
      topics: [
        {
          topic: 't',
          numPartitions: 3,
          replicationFactor: 2,
          replicaAssignment: [{ partition: 0, replicas: [1, 2] }],
          configEntries: [{ name: 'cleanup.policy', value: 'compact' }],
        },
      ],
    }
    expect(ours('CreateTopics', 3, body)).toBe(await kafkajs('createTopics/v3', fields))
  })
})

type KafkaJsDecode = (bytes: Buffer) => Promise<unknown>

/** What kafkajs understands of a response we wrote. */
async function readByKafkajs(path: string, bytes: Uint8Array): Promise<unknown> {
  const { decode } = require(`kafkajs/src/protocol/requests/${path}/response`) as { decode: KafkaJsDecode }
  return decode(Buffer.from(bytes.subarray(4)))
}

describe('responses as kafkajs reads them', () => {
  test('Metadata v6', async () => {
    const bytes = encodeResponse(
      'Metadata',
      6,
      1,
      make.makeMetadataResponse({
        brokers: [make.makeMetadataResponseBroker({ nodeId: 1, host: 'kafka-1', port: 9092, rack: 'a' })],
        clusterId: 'c',
        controllerId: 1,
        topics: [
          make.makeMetadataResponseTopic({
            name: 't',
            isInternal: true,
            partitions: [
              make.makeMetadataResponsePartition({
                partitionIndex: 0,
                leaderId: 1,
                replicaNodes: [1, 2],
                isrNodes: [1],
                offlineReplicas: [2],
              }),
            ],
          }),
        ],
      }),
    )
    expect(await readByKafkajs('metadata/v6', bytes)).toMatchObject({
      brokers: [{ nodeId: 1, host: 'kafka-1', port: 9092, rack: 'a' }],
      clusterId: 'c',
      controllerId: 1,
      topicMetadata: [
        {
          topic: 't',
          isInternal: true,
          partitionMetadata: [{ partitionId: 0, leader: 1, replicas: [1, 2], isr: [1], offlineReplicas: [2] }],
        },
      ],
    })
  })

  test('Fetch v11, with records', async () => {
    const records = [encodeBatch([{ key: 'k', value: 'v', timestamp: 5, headers: [['h', 'x']] }], { baseOffset: 10 })]
    const partitions = [
      make.makePartitionData({
        partitionIndex: 4,
        highWatermark: 11,
        lastStableOffset: 11,
        abortedTransactions: [{ producerId: 7, firstOffset: 3 }],
        records,
      }),
    ]
    const bytes = encodeResponse(
      'Fetch',
      11,
      1,
      make.makeFetchResponse({ responses: [make.makeFetchableTopicResponse({ topic: 't', partitions })] }),
    )
    expect(await readByKafkajs('fetch/v11', bytes)).toMatchObject({
      responses: [
        {
          topicName: 't',
          partitions: [
            {
              partition: 4,
              highWatermark: '11',
              abortedTransactions: [{ producerId: '7', firstOffset: '3' }],
              messages: [
                {
                  offset: '10',
                  timestamp: '5',
                  key: Buffer.from('k'),
                  value: Buffer.from('v'),
                  headers: { h: Buffer.from('x') },
                },
              ],
            },
          ],
        },
      ],
    })
  })

  test('JoinGroup v5, OffsetFetch v4, ApiVersions v2', async () => {
    const members = [make.makeJoinGroupResponseMember({ memberId: 'm', metadata: new Uint8Array([1]) })]
    const join = encodeResponse(
      'JoinGroup',
      5,
      1,
      make.makeJoinGroupResponse({ generationId: 3, protocolName: 'p', leader: 'm', memberId: 'm', members }),
    )
    expect(await readByKafkajs('joinGroup/v5', join)).toMatchObject({
      generationId: 3,
      groupProtocol: 'p',
      leaderId: 'm',
      memberId: 'm',
      members: [{ memberId: 'm', memberMetadata: Buffer.from([1]) }],
    })
    const partitions = [
      make.makeOffsetFetchResponsePartition({ partitionIndex: 1, committedOffset: 99, metadata: 'x' }),
    ]
    const offsets = encodeResponse(
      'OffsetFetch',
      4,
      1,
      make.makeOffsetFetchResponse({ topics: [{ name: 't', partitions }] }),
    )
    expect(await readByKafkajs('offsetFetch/v4', offsets)).toMatchObject({
      responses: [{ topic: 't', partitions: [{ partition: 1, offset: '99', metadata: 'x' }] }],
    })
    const versions = encodeResponse(
      'ApiVersions',
      2,
      1,
      make.makeApiVersionsResponse({ apiKeys: [{ apiKey: 3, minVersion: 0, maxVersion: 13 }] }),
    )
    expect(await readByKafkajs('apiVersions/v2', versions)).toMatchObject({
      apiVersions: [{ apiKey: 3, minVersion: 0, maxVersion: 13 }],
    })
  })
})

describe('flexible frames by hand', () => {
  test('ElectLeaders v1 and v2', () => {
    const body = make.makeElectLeadersRequest({
      electionType: 1,
      topicPartitions: [{ topic: 't', partitions: [3] }],
      timeoutMs: 5,
    })
    const header = { correlationId: 7, clientId: 'me' }
    //  key  ver  correlation len  'me' type count     len  't' count    partition timeout
    expect(hex(encodeRequest('ElectLeaders', 1, header, body))).toBe(
      '002b 0001 00000007    0002 6d65 01   00000001  0001 74  00000001 00000003  00000005'.replaceAll(' ', ''),
    )
    //                               tags type 1+1 't'   1+1 partition tags timeout tags
    expect(hex(encodeRequest('ElectLeaders', 2, header, body))).toBe(
      '002b 0002 00000007 0002 6d65 00   01   02  02 74 02  00000003  00   00000005 00'.replaceAll(' ', ''),
    )
    const all = make.makeElectLeadersRequest({ topicPartitions: null, timeoutMs: 5 })
    expect(hex(encodeRequest('ElectLeaders', 2, header, all))).toBe(
      '002b 0002 00000007 0002 6d65 00   00   00  00000005 00'.replaceAll(' ', ''),
    )
    const partitionResult = [{ partitionId: 3, errorCode: 84, errorMessage: null }]
    const response = make.makeElectLeadersResponse({ replicaElectionResults: [{ topic: 't', partitionResult }] })
    //  correlation tags throttle error 1+1 't'   1+1 partition error null tags tags tags
    expect(hex(encodeResponse('ElectLeaders', 2, 7, response))).toBe(
      '00000007    00   00000000 0000  02  02 74 02  00000003  0054  00   00   00   00'.replaceAll(' ', ''),
    )
  })

  test('AlterPartitionReassignments v1 says whether the replication factor may change (KIP-860)', () => {
    const body = make.makeAlterPartitionReassignmentsRequest({
      timeoutMs: 5,
      allowReplicationFactorChange: false,
      topics: [{ name: 't', partitions: [{ partitionIndex: 3, replicas: null }] }],
    })
    //  key  ver  correlation len  'me' tags timeout  no 1+1 't'   1+1 partition null tags tags tags
    expect(hex(encodeRequest('AlterPartitionReassignments', 1, { correlationId: 7, clientId: 'me' }, body))).toBe(
      '002d 0001 00000007    0002 6d65 00   00000005 00 02  02 74 02  00000003  00   00   00   00'.replaceAll(' ', ''),
    )
  })

  test('ApiVersions v3: request with old client id, response with old header', () => {
    const request = make.makeApiVersionsRequest({ clientSoftwareName: 'ab', clientSoftwareVersion: '1' })
    const bytes = encodeRequest('ApiVersions', 3, { correlationId: 7, clientId: 'me' }, request)
    //                       key  ver  correlation len  'me' tags 'ab'     '1'    tags
    expect(hex(bytes)).toBe('0012 0003 00000007    0002 6d65 00   03 6162  02 31  00'.replaceAll(' ', ''))
    const response = make.makeApiVersionsResponse({
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }],
      finalizedFeaturesEpoch: 5,
    })
    //                                                                  corr     err  1+1 key  min  max  tags throttle 1 tag: 1, 8 bytes
    expect(hex(encodeResponse('ApiVersions', 3, 7, response))).toBe(
      '00000007 0000 02  0012 0000 0004 00   00000000 01 01 08 0000000000000005'.replaceAll(' ', ''),
    )
  })

  test('ApiVersions: an answer in version 0 to a version the broker does not speak', () => {
    const body = make.makeApiVersionsResponse({
      errorCode: 35,
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 2 }],
    })
    expect(decodeResponse('ApiVersions', 4, encodeResponse('ApiVersions', 0, 1, body)).body).toEqual(body)
  })

  test('Produce v10 response: the new leader in tagged fields (KIP-951)', () => {
    const partition = make.makePartitionProduceResponse({
      index: 1,
      errorCode: 6,
      baseOffset: -1,
      currentLeader: { leaderId: 2, leaderEpoch: 9 },
    })
    const body = make.makeProduceResponse({
      responses: [make.makeTopicProduceResponse({ name: 't', partitionResponses: [partition] })],
      nodeEndpoints: [{ nodeId: 2, host: 'h', port: 9092, rack: null }],
    })
    const expected = [
      '00000001 00', // header v1
      '02 02 74 02', // one topic 't', one partition
      '00000001 0006 ffffffffffffffff ffffffffffffffff ffffffffffffffff', // index, error, offset, append time, log start
      '01 00', // no record errors, no message
      '01 00 09 00000002 00000009 00', // tag 0: nine bytes
      '00 00000000', // end of topic, throttle time
      '01 00 0d 02 00000002 02 68 00002384 00 00', // tag 0: thirteen bytes: one endpoint
    ]
    const bytes = encodeResponse('Produce', 10, 1, body)
    expect(hex(bytes)).toBe(expected.join('').replaceAll(' ', ''))
    expect(decodeResponse('Produce', 10, bytes).body).toEqual(body)
  })

  test('a tagged field above 127 bytes has a size of two bytes', () => {
    const host = 'h'.repeat(200)
    const body = make.makeProduceResponse({ nodeEndpoints: [{ nodeId: 1, host, port: 1, rack: null }] })
    const bytes = encodeResponse('Produce', 10, 1, body)
    //                            corr     hdr []  throttle 1  tag size
    expect(hex(bytes).slice(0, 28)).toBe('00000001 00 01 00000000 01 00 d501'.replaceAll(' ', ''))
    expect(decodeResponse('Produce', 10, bytes).body).toEqual(body)
  })

  test('unknown tagged fields are skipped', () => {
    const body = make.makeHeartbeatResponse({ errorCode: 27 })
    expect(hex(encodeResponse('Heartbeat', 4, 1, body))).toBe('000000010000000000001b00')
    expect(
      decodeResponse('Heartbeat', 4, unhex('00000001 01 05 02 aabb 00000000 001b 02 00 00 63 01 ff')).body,
    ).toEqual(body)
  })

  test('frame() puts the length before it', () => {
    expect(hex(frame(unhex('aabbcc')))).toBe('00000003aabbcc')
  })
})

test('a batch kafkajs wrote is read, and the reverse', async () => {
  const path = 'kafkajs/src/protocol'
  const makeRecord = require(`${path}/recordBatch/record/v0`) as (fields: object) => object
  const { RecordBatch: makeBatch } = require(`${path}/recordBatch/v0`) as {
    RecordBatch: (fields: object) => Promise<KafkaJsEncoder>
  }
  const records = [
    makeRecord({
      offsetDelta: 0,
      timestampDelta: 0,
      key: Buffer.from('k'),
      value: Buffer.from('v'.repeat(300)),
      headers: { a: 'b' },
    }),
    makeRecord({ offsetDelta: 1, timestampDelta: -4_000_000_000, key: null, value: Buffer.from(''), headers: {} }),
  ]
  const timestamp = 1767225600000
  const batch = await makeBatch({ records, firstTimestamp: timestamp, maxTimestamp: timestamp, lastOffsetDelta: 1 })
  const bytes = new Uint8Array(batch.buffer)
  const request = encodeRequest(
    'Produce',
    3,
    { correlationId: 1, clientId: null },
    make.makeProduceRequest({
      topicData: [make.makeTopicProduceData({ name: 't', partitionData: [{ index: 0, records: [] }] })],
    }),
  )
  // The empty records field is the last four bytes: the batch goes there.
  const frameBytes = new Uint8Array(request.length + bytes.length)
  frameBytes.set(request)
  frameBytes.set(bytes, request.length)
  new DataView(frameBytes.buffer).setInt32(request.length - 4, bytes.length)
  const decoded = decodeRequest(frameBytes)
  if (decoded.api !== 'Produce') throw new Error(decoded.api)
  const read = decoded.body.topicData[0]?.partitionData[0]?.records?.[0]
  if (read === undefined) throw new Error('no batch')
  expect(readRecords(read)).toEqual([
    {
      offset: 0,
      timestamp,
      key: encodeUtf8('k'),
      value: encodeUtf8('v'.repeat(300)),
      headers: [['a', encodeUtf8('b')]],
    },
    { offset: 1, timestamp: timestamp - 4_000_000_000, key: null, value: new Uint8Array(0), headers: [] },
  ])
})
