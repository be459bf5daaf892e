import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import * as exported from '../../src/client/index.ts'

const client: Record<string, unknown> = { ...exported }
const kafkajs = createRequire(import.meta.url)('kafkajs') as Record<string, unknown>

it('exports kafkajs’s 44 names, but for the class, which the entry makes', () => {
  expect(Object.keys(kafkajs)).toHaveLength(44)
  const missing = Object.keys(kafkajs).filter((name) => !(name in client))
  expect(missing).toEqual(['Kafka'])
})

it.each([
  'logLevel',
  'CompressionTypes',
  'ConfigResourceTypes',
  'ConfigSource',
  'AclResourceTypes',
  'AclOperationTypes',
  'AclPermissionTypes',
  'ResourcePatternTypes',
] as const)('%s has kafkajs’s members', (name) => {
  expect(client[name]).toEqual(kafkajs[name])
})

it('lists partitioners, assigners and codecs under the same names, and Java’s assignors beside them', () => {
  for (const name of ['Partitioners', 'AssignerProtocol', 'CompressionCodecs'] as const) {
    expect(Object.keys(client[name] as object)).toEqual(Object.keys(kafkajs[name] as object))
  }
  expect(Object.keys(exported.PartitionAssigners)).toEqual(['roundRobin', 'range', 'sticky', 'cooperativeSticky'])
  expect(Object.keys(kafkajs.PartitionAssigners as object)).toEqual(['roundRobin'])
})
