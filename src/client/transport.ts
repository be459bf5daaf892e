/**
 * The client's two interfaces: `Transport` (the network, virtual time, chance) and `Host` (what the JavaScript engine
 * around us gives). They are its ONLY sources of time, chance, ids and I/O; nothing under `src/client` touches a global
 * timer, `Date`, `Math.random`, `process` or `Buffer` directly.
 */
export type * from '../protocol/transport.ts'

/** What the JavaScript host gives. The entries inject it; `src/host/node.ts` is Node's. */
export interface Host {
  /** Node's `Buffer` over the given bytes, without a copy; a plain `Uint8Array` where there is no `Buffer`. */
  readonly bytes: {
    view(buffer: ArrayBufferLike, byteOffset: number, length: number): Uint8Array
    isBytes(value: unknown): value is Uint8Array
    /** UTF-8. */
    fromString(text: string): Uint8Array
    toString(bytes: Uint8Array): string
  }
  readonly env: (name: string) => string | undefined
  /** One readable line; `level` is kafkajs's. */
  readonly writeLog: (level: 'error' | 'warn' | 'info' | 'debug', line: string) => void
  /** Synchronous codecs, where the host has them; `code` is Kafka's (1 gzip, 2 snappy, 3 lz4, 4 zstd). */
  readonly compress?: (code: number, bytes: Uint8Array) => Uint8Array
  readonly decompress?: (code: number, bytes: Uint8Array) => Uint8Array
}
