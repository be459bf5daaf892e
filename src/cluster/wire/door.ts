/** Where clients that speak bytes come in: the real kafkajs in process, and whatever a server lets in from a network. */
import type { Process } from '../process.ts'
import type { Pump } from '../pump.ts'
import { findNode } from '../transport.ts'
import { armClientTimer, type World } from '../world.ts'
import { openWire, type WireClient } from './connection.ts'
import type { Pace } from './pace.ts'
import type { ServerDoor } from './server.ts'
import { createSocket, type SocketFactoryArgs, type WireSocket } from './socket.ts'

/** The cluster as it is now; `reset` makes another one. */
export interface DoorScope {
  readonly world: World
  readonly pump: Pump
  readonly pace: Pace
  readonly process: Process
}

/** The handshake of a socket nobody answers: kafkajs has a time-out of its own, so this is only a last resort. */
const CONNECT_TIMEOUT_MS = 120_000

export function openSocket(scope: DoorScope, args: SocketFactoryArgs): WireSocket {
  const { world, pump, process } = scope
  const { host } = world
  const node = findNode(world, args.host, args.port)
  return createSocket(
    args,
    (client) => {
      const release = scope.pace.hold()
      const leaving: WireClient = {
        ...client,
        refused: (why) => {
          release()
          client.refused(why)
        },
        ended: (why) => {
          release()
          client.ended(why)
        },
      }
      if (node === undefined) {
        armClientTimer(world, process, 1, 'work', `a socket looks for ${args.host}:${args.port}`, () =>
          leaving.refused('unknown-host'),
        )
        pump.wake()
        return { receive: () => {}, unread: () => {}, close: release }
      }
      const connection = openWire(world, pump, process, node, leaving, {
        name: 'a socket',
        clientHost: '/127.0.0.1',
        // At the wall's pace a simulated millisecond is a real one, and a timer of the host for every request.
        direct: world.mode === 'wall',
        advertised: null,
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        log: (line) => host.warn(`[kafkarium] ${line}`),
      })
      return {
        receive: (bytes) => connection.receive(bytes),
        unread: (unread) => connection.unread(unread),
        close() {
          release()
          connection.close()
        },
      }
    },
    host.chunk,
  )
}

export function serverDoor(scope: () => DoorScope, onEnd: (listener: () => void) => () => void): ServerDoor {
  return {
    get nodes() {
      return [...scope().world.nodes.keys()]
    },
    hold: () => scope().pace.hold(),
    open({ node: id, host, advertised, log }, client) {
      const { world, pump, process } = scope()
      const node = world.nodes.get(id)
      if (node === undefined) throw new Error(`There is no broker ${id}.`)
      return openWire(world, pump, process, node, client, {
        name: host.slice(1),
        clientHost: host,
        direct: true,
        advertised,
        connectTimeoutMs: CONNECT_TIMEOUT_MS,
        log,
      })
    },
    isUp: (id) => scope().world.nodes.get(id)?.up === true,
    onNode(listener) {
      const { nodeListeners } = scope().world
      nodeListeners.add(listener)
      return () => void nodeListeners.delete(listener)
    },
    onEnd,
  }
}
