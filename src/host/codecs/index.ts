/** Kafka's compression types, synchronously: a codec on a thread pool would make runs irrepeatable. Why three are our own: docs/decisions/0010-codecs.md. */
import { builtin } from '../builtin.ts'
import { compressLz4, decompressLz4 } from './lz4.ts'
import { compressSnappy, decompressSnappy } from './snappy.ts'
import { compressZstd, decompressZstd } from './zstd.ts'

/** What one batch may hold. Kafka reads record by record and has no such limit; what is held here is held whole. */
const LARGEST_SECTION = 64 * 1024 * 1024

/**
 * @param code Kafka's: 1 gzip, 2 snappy, 3 lz4, 4 zstd
 * @throws RangeError for a code that is none of them
 */
export function compress(code: number, bytes: Uint8Array): Uint8Array {
  if (code === 1) return builtin('node:zlib').gzipSync(bytes)
  if (code === 2) return compressSnappy(bytes).slice()
  if (code === 3) return compressLz4(bytes).slice()
  if (code === 4) return compressZstd(bytes).slice()
  throw new RangeError(`There is no compression type ${code}.`)
}

/**
 * @throws RangeError for a code that is none, an Error for bytes that are not what the code says, or too many (64 MiB)
 */
export function decompress(code: number, bytes: Uint8Array): Uint8Array {
  if (code === 1) return builtin('node:zlib').gunzipSync(bytes, { maxOutputLength: LARGEST_SECTION })
  if (code === 2) return decompressSnappy(bytes, LARGEST_SECTION)
  if (code === 3) return decompressLz4(bytes, LARGEST_SECTION)
  if (code === 4) return decompressZstd(bytes, LARGEST_SECTION)
  throw new RangeError(`There is no compression type ${code}.`)
}
