/** What groups write: consumers' own messages, the records of `__consumer_offsets`, and the hashes. */
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../../src/protocol/codec.ts'
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../src/protocol/consumer-protocol.ts'
import { murmur2, partitionForGroup, partitionForKey } from '../../src/protocol/hash.ts'
import * as offsets from '../../src/protocol/offsets-topic.ts'
import { encodeUtf8 } from '../../src/protocol/utf8.ts'
import { hex, unhex } from './hex.ts'

const NONE = new Uint8Array(0)

describe('subscriptions and assignments', () => {
  test('golden bytes', () => {
    expect(encodeSubscription({ topics: ['t1'], userData: NONE }, 0)).toEqual(unhex('0000 00000001 0002 7431 00000000'))
    expect(encodeAssignment({ assignedPartitions: [{ topic: 't1', partitions: [0, 2] }], userData: NONE }, 0)).toEqual(
      unhex('0000 00000001 0002 7431 00000002 00000000 00000002 00000000'),
    )
    expect(
      hex(
        encodeSubscription(
          { topics: ['t'], ownedPartitions: [{ topic: 't', partitions: [1] }], generationId: 4, rackId: 'r' },
          3,
        ),
      ),
    ).toBe('0003 00000001 0001 74 ffffffff 00000001 0001 74 00000001 00000001 00000004 0001 72'.replaceAll(' ', ''))
  })

  test('there and back; a version lacks what it lacks', () => {
    const subscription = {
      topics: ['a', 'b'],
      ownedPartitions: [{ topic: 'a', partitions: [3] }],
      generationId: 2,
      rackId: 'r',
    }
    expect(decodeSubscription(encodeSubscription(subscription))).toEqual({
      version: 3,
      userData: null,
      ...subscription,
    })
    expect(decodeSubscription(encodeSubscription(subscription, 1))).toMatchObject({
      version: 1,
      generationId: -1,
      rackId: null,
    })
    const assignment = { assignedPartitions: [{ topic: 'a', partitions: [3] }], userData: new Uint8Array([1]) }
    expect(decodeAssignment(encodeAssignment(assignment))).toEqual({ version: 3, ...assignment })
  })

  test('a version from the future is read as the newest known', () => {
    const bytes = new Uint8Array([...encodeSubscription({ topics: ['a'] }), 1, 2, 3])
    bytes[1] = 9
    expect(decodeSubscription(bytes)).toMatchObject({ version: 9, topics: ['a'] })
    expect(() => decodeSubscription(unhex('ffff 00000000'))).toThrow(DecodeError)
    expect(() => decodeAssignment(NONE)).toThrow(DecodeError)
  })

  test('what kafkajs writes', () => {
    const require = createRequire(import.meta.url)
    interface AssignerProtocol {
      readonly MemberMetadata: { encode(value: object): Buffer; decode(value: Buffer): object }
      readonly MemberAssignment: { encode(value: object): Buffer; decode(value: Buffer): object }
    }
    const { MemberMetadata, MemberAssignment } = require('kafkajs/src/consumer/assignerProtocol') as AssignerProtocol
    const metadata = MemberMetadata.encode({ version: 0, topics: ['t1'], userData: Buffer.alloc(0) })
    expect(decodeSubscription(metadata)).toMatchObject({ version: 0, topics: ['t1'] })
    const assignment = encodeAssignment(
      { assignedPartitions: [{ topic: 't1', partitions: [0, 2] }], userData: NONE },
      0,
    )
    expect(MemberAssignment.decode(Buffer.from(assignment))).toMatchObject({ version: 0, assignment: { t1: [0, 2] } })
    expect(
      hex(
        new Uint8Array(MemberAssignment.encode({ version: 0, assignment: { t1: [0, 2] }, userData: Buffer.alloc(0) })),
      ),
    ).toBe(hex(assignment))
  })
})

describe('__consumer_offsets', () => {
  test('committed offsets', () => {
    const key = offsets.encodeOffsetCommitKey({ group: 'g', topic: 't', partition: 5 })
    expect(hex(key)).toBe('0001 0001 67 0001 74 00000005'.replaceAll(' ', ''))
    expect(offsets.decodeOffsetsTopicKey(key)).toEqual({
      type: 'offset-commit',
      version: 1,
      group: 'g',
      topic: 't',
      partition: 5,
    })
    const value = offsets.encodeOffsetCommitValue({ offset: 7, leaderEpoch: 2, metadata: 'm', commitTimestamp: 9 })
    expect(hex(value)).toBe('0003 0000000000000007 00000002 0001 6d 0000000000000009'.replaceAll(' ', ''))
    expect(offsets.decodeOffsetCommitValue(value)).toEqual({
      version: 3,
      offset: 7,
      leaderEpoch: 2,
      metadata: 'm',
      commitTimestamp: 9,
      expireTimestamp: -1,
    })
    const old = offsets.encodeOffsetCommitValue({ offset: 7, expireTimestamp: 10 }, 1)
    expect(offsets.decodeOffsetCommitValue(old)).toMatchObject({ version: 1, expireTimestamp: 10 })
  })

  test('group metadata', () => {
    const key = offsets.encodeGroupMetadataKey('g')
    expect(hex(key)).toBe('0002000167')
    expect(offsets.decodeOffsetsTopicKey(key)).toEqual({ type: 'group-metadata', version: 2, group: 'g' })
    const member = {
      memberId: 'm',
      groupInstanceId: 'i',
      clientId: 'c',
      clientHost: '/h',
      rebalanceTimeout: 1,
      sessionTimeout: 2,
      subscription: new Uint8Array([1]),
      assignment: NONE,
    }
    const group = {
      protocolType: 'consumer',
      generation: 3,
      protocol: 'range',
      leader: 'm',
      currentStateTimestamp: 4,
      members: [member],
    }
    for (const version of [3, 4])
      expect(offsets.decodeGroupMetadataValue(offsets.encodeGroupMetadataValue(group, version))).toEqual({
        version,
        ...group,
      })
  })

  test('keys of other protocols, and what is no key', () => {
    expect(offsets.decodeOffsetsTopicKey(unhex('0003 0001 67'))).toEqual({
      type: 'consumer-group',
      version: 3,
      name: 'ConsumerGroupMetadata',
      groupId: 'g',
      memberId: '',
    })
    expect(offsets.decodeOffsetsTopicKey(unhex('0009 0001 67'))).toEqual({ type: 'unknown', version: 9 })
    expect(offsets.decodeOffsetsTopicKey(unhex('ffff'))).toEqual({ type: 'unknown', version: -1 })
    expect(() => offsets.decodeOffsetsTopicKey(unhex('00'))).toThrow(DecodeError)
    expect(() => offsets.decodeOffsetsTopicKey(unhex('0002 0005 67'))).toThrow(DecodeError)
    expect(() => offsets.decodeOffsetCommitValue(unhex('0005'))).toThrow('version 5')
  })
})

describe('hashes', () => {
  test('murmur2 as Java has it', () => {
    expect(murmur2(encodeUtf8('0'))).toBe(971027396)
    expect(murmur2(encodeUtf8('1'))).toBe(-1993445489)
    expect(murmur2(encodeUtf8('128'))).toBe(-326012175)
    expect(murmur2(encodeUtf8('100:48069'))).toBe(1009543857)
  })

  test('murmur2 as kafkajs has it, for any key', () => {
    const require = createRequire(import.meta.url)
    const theirs = require('kafkajs/src/producer/partitioners/default/murmur2') as (key: Buffer) => number
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (key) => {
        expect(murmur2(key)).toBe(theirs(Buffer.from(key)))
        expect(partitionForKey(key, 7)).toBe((theirs(Buffer.from(key)) & 0x7fffffff) % 7)
      }),
      { numRuns: 500, seed: 9 },
    )
  })

  test('the coordinator’s partition, by String.hashCode', () => {
    // "abc".hashCode() is 96354, "".hashCode() is 0, "polygenelubricants".hashCode() is Integer.MIN_VALUE.
    expect(partitionForGroup('abc', 50)).toBe(96354 % 50)
    expect(partitionForGroup('', 50)).toBe(0)
    // hashCode is -109829509: the absolute value counts.
    expect(partitionForGroup('billing', 50)).toBe(9)
    expect(partitionForGroup('polygenelubricants', 50)).toBe(0)
    expect(partitionForGroup('group-with-a-long-name', 50)).toBeLessThan(50)
  })
})
