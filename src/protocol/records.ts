/** Record batches, format 2: making them, reading them, and their wire form. One door for the layers above. */
export type { RecordBatch } from './batch.ts'
export { crc32c } from './crc32c.ts'
export * from './records/attributes.ts'
export * from './records/control.ts'
export * from './records/cursor.ts'
export { encodeBatch, type RecordHeaderInput, type RecordInput } from './records/encode.ts'
export { deleteHorizonMs, emptiedBatch, retainRecords } from './records/retain.ts'
export { readBatch, writeBatch } from './records/wire.ts'
