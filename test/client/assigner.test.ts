import * as kafkajs from 'kafkajs'
import { describe, expect, it } from 'vitest'
import type { Cluster } from '../../src/client/index.ts'
import { AssignerProtocol, createKafka, PartitionAssigners } from '../../src/client/index.ts'
import { createScript } from './support/script-transport.ts'

// Tells the exports what bytes look like in this host.
const { transport, host } = createScript({ answer: () => ({}) })
createKafka(transport, host, { brokers: ['b:1'] })

describe('AssignerProtocol (KJ16)', () => {
  it('encodes as the wire has it', () => {
    const metadata = AssignerProtocol.MemberMetadata.encode({ version: 0, topics: ['t1'] })
    expect(metadata.toString('hex')).toBe('0000' + '00000001' + '0002' + '7431' + '00000000')
    const assignment = AssignerProtocol.MemberAssignment.encode({ version: 0, assignment: { t1: [0, 2] } })
    expect(assignment.toString('hex')).toBe(
      '0000' + '00000001' + '0002' + '7431' + '00000002' + '00000000' + '00000002' + '00000000',
    )
  })

  it('agrees with kafkajs in both directions', () => {
    const metadata = { version: 3, topics: ['a', 'bé', '日本'], userData: Buffer.from('data') }
    const assignment = { version: 1, assignment: { a: [1, 0], 'b-2': [] as number[] }, userData: Buffer.alloc(0) }
    expect(AssignerProtocol.MemberMetadata.encode(metadata)).toEqual(
      kafkajs.AssignerProtocol.MemberMetadata.encode(metadata),
    )
    expect(AssignerProtocol.MemberAssignment.encode(assignment)).toEqual(
      kafkajs.AssignerProtocol.MemberAssignment.encode(assignment),
    )
    const bytes = kafkajs.AssignerProtocol.MemberAssignment.encode(assignment)
    expect(AssignerProtocol.MemberAssignment.decode(bytes)).toEqual(
      kafkajs.AssignerProtocol.MemberAssignment.decode(bytes),
    )
    const metadataBytes = kafkajs.AssignerProtocol.MemberMetadata.encode(metadata)
    expect(AssignerProtocol.MemberMetadata.decode(metadataBytes)).toEqual(
      kafkajs.AssignerProtocol.MemberMetadata.decode(metadataBytes),
    )
    expect(AssignerProtocol.MemberAssignment.decode(Buffer.alloc(0))).toBeNull()
  })

  it('hands out Buffers where the host has them', () => {
    expect(Buffer.isBuffer(AssignerProtocol.MemberMetadata.encode({ version: 0, topics: [] }))).toBe(true)
  })
})

describe('RoundRobinAssigner (KJ16)', () => {
  it('deals to the members in the order of their ids, and leaves out who gets nothing', async () => {
    const cluster = {
      findTopicPartitionMetadata: (topic: string) =>
        (topic === 'a' ? [0, 1, 2] : [0]).map((partitionId) => ({
          partitionId,
          leader: 1,
          partitionErrorCode: 0,
          replicas: [],
          isr: [],
        })),
    } as unknown as Cluster
    const assigner = PartitionAssigners.roundRobin({ cluster, groupId: 'g', logger: {} as never })
    const members = ['m2', 'm1'].map((memberId) => ({ memberId, memberMetadata: Buffer.alloc(0) }))
    const read = async (topics: string[], count = 2) =>
      Object.fromEntries(
        (await assigner.assign({ members: members.slice(0, count), topics })).map(({ memberId, memberAssignment }) => [
          memberId,
          AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment,
        ]),
      )
    expect(await read(['a', 'b'])).toEqual({ m1: { a: [0, 2] }, m2: { a: [1], b: [0] } })
    expect(await read(['b'])).toEqual({ m1: { b: [0] } })
    expect(assigner.protocol({ topics: ['b'] })).toMatchObject({ name: 'RoundRobinAssigner' })
  })
})
