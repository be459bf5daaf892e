/** Node's `Host`: Buffers, the environment, the console, zlib. The only place of the client's world that knows Node. */
import type { Host } from '../client/transport.ts'
import { Buffer } from './builtin.ts'
import { compress, decompress } from './codecs/index.ts'

/* biome-ignore-start lint/suspicious/noConsole: this is where log lines leave. */
const writers = {
  error: (line: string) => console.error(line),
  warn: (line: string) => console.warn(line),
  info: (line: string) => console.info(line),
  debug: (line: string) => console.log(line),
}
/* biome-ignore-end lint/suspicious/noConsole: see above. */

export const nodeHost: Host = {
  bytes: {
    view: (buffer, byteOffset, length) => Buffer.from(buffer as ArrayBuffer, byteOffset, length),
    isBytes: (value): value is Uint8Array => ArrayBuffer.isView(value) && !(value instanceof DataView),
    fromString: (text) => Buffer.from(text, 'utf8'),
    toString: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
  },
  env: (name) => process.env[name],
  writeLog: (level, line) => writers[level](line),
  compress,
  // Keys and values are views into it, and kafkajs hands out Buffers.
  decompress: (code, bytes) => decompress(code, bytes),
}
