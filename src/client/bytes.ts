/** Bytes as the host shows them to users: Node's Buffer, or a plain Uint8Array. */
import type { Host } from './transport.ts'
import type { Bytes } from './types/bytes.ts'

type View = Host['bytes']['view']

let latestView: View = (buffer, byteOffset, length) => new Uint8Array(buffer, byteOffset, length)

/** `createKafka` tells what bytes look like in this host, for the exports that belong to no client (`AssignerProtocol`). */
export function rememberHostBytes(host: Host): void {
  latestView = host.bytes.view
}

/** The host's view of the same memory. */
export function asHostBytes(bytes: Uint8Array, view: View = latestView): Bytes {
  return view(bytes.buffer, bytes.byteOffset, bytes.byteLength) as Bytes
}

/** A copy in memory of its own, as the host's kind of bytes: what users get never reaches a log's bytes. */
export function copyAsHostBytes(bytes: Uint8Array, view: View = latestView): Bytes {
  // The constructor copies; a Buffer's own `slice` would not.
  return asHostBytes(new Uint8Array(bytes), view)
}
