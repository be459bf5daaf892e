import * as kafkajs from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { Partitioners } from '../../src/client/index.ts'

const metadata = (leaders: readonly number[]) =>
  leaders.map((leader, partitionId) => ({ partitionErrorCode: 0, partitionId, leader, replicas: [], isr: [] }))
const six = metadata([1, 1, 1, 1, 1, 1])

describe('partitioners (KJ17)', () => {
  it.each([
    ['key-1', 0, 3],
    ['a', 4, 1],
    ['order-42', 0, 3],
    ['', 3, 0],
    ['xyz', 2, 0],
    ['日本', 3, 0],
  ])('puts %j into partition %i, with the legacy one into %i', (key, byDefault, byLegacy) => {
    const args = { topic: 't', partitionMetadata: six, message: { key, value: null } }
    expect(Partitioners.DefaultPartitioner()(args)).toBe(byDefault)
    expect(Partitioners.JavaCompatiblePartitioner()(args)).toBe(byDefault)
    expect(Partitioners.LegacyPartitioner()(args)).toBe(byLegacy)
  })

  it('agrees with kafkajs for keys of all lengths, as text, bytes and numbers', () => {
    const keys: unknown[] = [0, 12.5, true]
    for (let length = 0; length < 40; length += 1) {
      for (let variant = 0; variant < 5; variant += 1) {
        const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 37 + variant * 101 + length) % 256))
        keys.push(bytes, bytes.toString('latin1'))
      }
    }
    const partitionMetadata = metadata(Array.from({ length: 97 }, () => 1))
    for (const name of ['DefaultPartitioner', 'LegacyPartitioner'] as const) {
      const mine = Partitioners[name]()
      const theirs = kafkajs.Partitioners[name]()
      for (const key of keys) {
        const args = { topic: 't', partitionMetadata, message: { key: key as string, value: null } }
        expect([name, key, mine(args)]).toEqual([name, key, theirs(args)])
      }
    }
  })

  it('deals keyless messages out in turn over partitions with a leader, each topic for itself', () => {
    const partition = Partitioners.DefaultPartitioner()
    const next = (topic: string, partitionMetadata = metadata([1, -1, 2])) =>
      partition({ topic, partitionMetadata, message: { value: null } })
    const shared = metadata([1, -1, 2])
    expect([next('a', shared), next('a', shared), next('a', shared), next('b', shared)]).toEqual([0, 2, 0, 0])
    expect(next('a', metadata([-1, 1, -1]))).toBe(1)
    expect([next('c', metadata([-1, -1])), next('c', metadata([-1, -1]))]).toEqual([0, 1])
  })

  it('takes its start from the chooser, the explicit partition unchecked', () => {
    const partition = Partitioners.DefaultPartitioner({ choose: () => 4 })
    expect(partition({ topic: 't', partitionMetadata: six, message: { value: null } })).toBe(4)
    expect(partition({ topic: 't', partitionMetadata: six, message: { value: null } })).toBe(5)
    expect(partition({ topic: 't', partitionMetadata: six, message: { value: null, partition: 99, key: 'a' } })).toBe(
      99,
    )
    expect(partition({ topic: 't', partitionMetadata: six, message: { value: null, partition: 0, key: 'a' } })).toBe(0)
  })
})
