/**
 * Compression (KJ24): a mutable table from type to codec factory, which users assign to. All four types are built in, where
 * kafkajs has gzip alone, and come from the host, synchronously: a codec on a thread pool would make runs irrepeatable.
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

/** Stands for the host's codec until a user assigns another; called only where the host has none. */
const hosts =
  (name: string): CodecFactory =>
  () => {
    throw new KafkaJSNotImplemented(`${name} compression not implemented`)
  }

export const CompressionCodecs: {
  [CompressionTypes.GZIP]: CodecFactory
  [CompressionTypes.Snappy]: CodecFactory
  [CompressionTypes.LZ4]: CodecFactory
  [CompressionTypes.ZSTD]: CodecFactory
} = {
  [CompressionTypes.GZIP]: hosts('GZIP'),
  [CompressionTypes.Snappy]: hosts('Snappy'),
  [CompressionTypes.LZ4]: hosts('LZ4'),
  [CompressionTypes.ZSTD]: hosts('ZSTD'),
}

const builtIn: Readonly<Record<number, CodecFactory>> = { ...CompressionCodecs }

/** @throws KafkaJSNotImplemented for a type without a codec. */
export function codecFor(type: number, host: Host): Codec {
  const factory = (CompressionCodecs as Readonly<Record<number, CodecFactory | undefined>>)[type]
  if (factory === undefined) throw new KafkaJSNotImplemented(`Compression type ${type} not implemented`)
  const { compress, decompress } = host
  if (factory === builtIn[type] && compress !== undefined && decompress !== undefined) {
    return { compress: ({ buffer }) => compress(type, buffer), decompress: (bytes) => decompress(type, bytes) }
  }
  return factory() as Codec
}
