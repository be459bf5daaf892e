/** One TCP connection: bytes in, answers out, with back-pressure both ways. */
import type { Socket } from 'node:net'
import type { Addresses, ServerDoor, WireConnection } from '../index.ts'

export interface Serving {
  readonly node: number
  readonly advertised: Addresses
  readonly log: (line: string) => void
}

/** Answers a slow reader may leave unread before its requests have to wait. */
const MOST_UNREAD_BYTES = 8 * 1024 * 1024

export function serveSocket(door: ServerDoor, socket: Socket, { node, advertised, log }: Serving): void {
  const host = `/${(socket.remoteAddress ?? '').replace(/^::ffff:/, '')}`
  // A broker that just went down, or behind a cut link: the system has accepted for it already.
  const connection: WireConnection = door.open(
    { node, host, advertised, log },
    {
      opened: () => socket.on('data', (bytes) => connection.receive(bytes)),
      refused: () => socket.destroy(),
      answer(frame) {
        if (!socket.write(frame) && socket.writableLength >= MOST_UNREAD_BYTES) connection.unread(true)
      },
      ended: () => socket.destroySoon(),
      hold: (holding) => void (holding ? socket.pause() : socket.resume()),
    },
  )
  socket.on('drain', () => connection.unread(false))
  // A reset is an end like any other; `close` follows.
  socket.on('error', () => {})
  socket.on('end', () => connection.close())
  socket.on('close', () => connection.close())
}
