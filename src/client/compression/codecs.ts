/**
 * Compression (KJ24): a mutable table from type to codec factory, which users assign to. Only gzip is built in, and
 * comes from the host, synchronously: a codec on a thread pool would make runs irrepeatable.
 */
import { CompressionTypes } from '../enums.ts'
import { KafkaJSNotImplemented } from '../errors/general.ts'
import type { Host } from '../transport.ts'

/** kafkajs's codec: `compress` gets an encoder, of which only `buffer` is used. */
export interface Codec {
  compress(encoder: { buffer: Uint8Array }): Promise<Uint8Array> | Uint8Array
  decompress(buffer: Uint8Array): Promise<Uint8Array> | Uint8Array
}

// biome-ignore lint/suspicious/noExplicitAny: kafkajs's own signature; codecs written for it must fit.
export type CodecFactory = () => any

const missing =
  (name: string): CodecFactory =>
  () => {
    throw new KafkaJSNotImplemented(`${name} compression not implemented`)
  }

const builtInGzip = missing('GZIP')

export const CompressionCodecs: {
  [CompressionTypes.GZIP]: CodecFactory
  [CompressionTypes.Snappy]: CodecFactory
  [CompressionTypes.LZ4]: CodecFactory
  [CompressionTypes.ZSTD]: CodecFactory
} = {
  [CompressionTypes.GZIP]: builtInGzip,
  [CompressionTypes.Snappy]: missing('Snappy'),
  [CompressionTypes.LZ4]: missing('LZ4'),
  [CompressionTypes.ZSTD]: missing('ZSTD'),
}

/** @throws KafkaJSNotImplemented for a type without a codec. */
export function codecFor(type: number, host: Host): Codec {
  const factory = (CompressionCodecs as Readonly<Record<number, CodecFactory | undefined>>)[type]
  if (factory === undefined) throw new KafkaJSNotImplemented(`Compression type ${type} not implemented`)
  const { gzip, gunzip } = host
  if (factory === builtInGzip && gzip !== undefined && gunzip !== undefined) {
    return { compress: ({ buffer }) => gzip(buffer), decompress: gunzip }
  }
  return factory() as Codec
}
