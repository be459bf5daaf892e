/** Messages of every API and version, made from the schema files: what a version lacks has its default. */
import fc from 'fast-check'
import { compress } from '../../src/host/codecs/index.ts'
import type { RecordBatch } from '../../src/protocol/batch.ts'
import { type Field, type FieldType, inRange, type StructType } from '../../src/protocol/notation/model.ts'
import { asMessageSet, downConvert, encodeBatch } from '../../src/protocol/records.ts'
import { uuidToString } from '../../src/protocol/uuid.ts'

export type Message = Readonly<Record<string, unknown>>

/** Text that survives UTF-8: no lone surrogates. */
const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const bytes = fc.uint8Array({ maxLength: 20 })
const int64 = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, -1, 1, 2 ** 32, -(2 ** 32), 2 ** 53 - 1, -(2 ** 53 - 1)))
const nothingOr = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { freq: 4 })

const record = fc.record({
  key: nothingOr(fc.oneof(text, bytes)),
  value: nothingOr(fc.oneof(text, bytes)),
  headers: fc.array(fc.tuple(text, nothingOr(fc.oneof(text, bytes))), { maxLength: 2 }),
  timestamp: fc.integer({ min: -1, max: 2 ** 45 }),
})

export const recordBatch: fc.Arbitrary<RecordBatch> = fc
  .record({
    records: fc.array(record, { minLength: 1, maxLength: 4 }),
    options: fc.record({
      producerId: fc.integer({ min: -1, max: 2 ** 31 }),
      producerEpoch: fc.integer({ min: -1, max: 32767 }),
      baseSequence: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
      baseOffset: fc.integer({ min: 0, max: 2 ** 40 }),
      partitionLeaderEpoch: fc.integer({ min: -1, max: 1000 }),
      transactional: fc.boolean(),
      control: fc.boolean(),
    }),
  })
  .map(({ records, options }) => encodeBatch(records, options))

/** What stands in the place of batches in the versions from before there were any. */
const messageSet: fc.Arbitrary<RecordBatch> = fc
  .record({ batch: recordBatch, magic: fc.constantFrom(0 as const, 1 as const), code: fc.constantFrom(0, 1, 3) })
  .map(({ batch, magic, code }) => {
    const packs = code === 0 ? null : (section: Uint8Array) => compress(code, section)
    const set = downConvert({ ...batch, attributes: code }, batch.records, magic, 0, packs)
    return asMessageSet(set as Uint8Array)
  })

/** Values of the struct as version `version` carries them. */
export function messageOf(struct: StructType, version: number): fc.Arbitrary<Message> {
  const shape: Record<string, fc.Arbitrary<unknown>> = {}
  for (const field of struct.fields) shape[field.name] = fieldValue(field, version)
  return fc.record(shape)
}

function fieldValue(field: Field, version: number): fc.Arbitrary<unknown> {
  if (!inRange(field.versions, version)) return fc.constant(defaultValue(field))
  const value = typed(field.type, version)
  return inRange(field.nullable, version) ? nothingOr(value) : value
}

function typed(type: FieldType, version: number): fc.Arbitrary<unknown> {
  if (type.kind === 'struct') return messageOf(type, version)
  if (type.kind === 'array') return fc.array(typed(type.item, version), { maxLength: 3 })
  switch (type.name) {
    case 'bool':
      return fc.boolean()
    case 'int8':
      return fc.integer({ min: -128, max: 127 })
    case 'int16':
      return fc.integer({ min: -32768, max: 32767 })
    case 'int32':
      return fc.integer()
    case 'int64':
      return int64
    case 'string':
      return text
    case 'bytes':
      return bytes
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((value) => uuidToString(value))
    case 'records':
      return fc.oneof(
        { weight: 3, arbitrary: fc.array(recordBatch, { maxLength: 2 }) },
        { weight: 1, arbitrary: messageSet.map((set) => [set]) },
      )
  }
}

/** The default as a value. Written apart from the generator's, so that the two check each other. */
export function defaultValue(field: Field): unknown {
  if (field.default === 'null') return null
  const { type } = field
  if (type.kind === 'array') return []
  if (type.kind === 'struct') return Object.fromEntries(type.fields.map((inner) => [inner.name, defaultValue(inner)]))
  switch (type.name) {
    case 'bool':
      return field.default === 'true'
    case 'string':
      return ''
    case 'bytes':
      return new Uint8Array(0)
    case 'uuid':
      return 'A'.repeat(22)
    case 'records':
      return null
    default:
      return Number(field.default ?? 0)
  }
}
