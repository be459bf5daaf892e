/** The TCP door: one port a broker. What comes in goes to the cluster as bytes; see `cluster/wire`. */
import { createServer, type Server, type Socket } from 'node:net'
import type { ClusterServer, ServerDoor, ServerOptions } from '../index.ts'
import { serveSocket } from './socket.ts'

export async function listen(door: ServerDoor, options: ServerOptions): Promise<ClusterServer> {
  const { port, host, advertisedHost, maxConnections, log } = options
  const advertised = new Map<number, { host: string; port: number }>()
  const sockets = new Set<Socket>()
  const servers: Server[] = []
  const release = door.hold()
  let closing: Promise<void> | null = null

  const close = () => {
    closing ??= (async () => {
      forget()
      release()
      const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
      for (const socket of sockets) socket.destroy()
      await Promise.all(closed)
    })()
    return closing
  }
  const forget = door.onEnd(() => void close())

  try {
    for (const [index, node] of door.nodes.entries()) {
      const server = createServer({ noDelay: true }, (socket) => {
        if (closing !== null) {
          socket.destroy()
          return
        }
        if (sockets.size >= maxConnections) {
          log(`a client was turned away: ${maxConnections} connections are open (maxConnections)`)
          socket.destroy()
          return
        }
        sockets.add(socket)
        socket.once('close', () => sockets.delete(socket))
        serveSocket(door, socket, { node, advertised, log })
      })
      servers.push(server)
      advertised.set(node, { host: advertisedHost, port: await bound(server, port === 0 ? 0 : port + index, host) })
      if (closing !== null) {
        // It was not listening yet when the others were closed; the caller says that the cluster has ended.
        await new Promise((resolve) => server.close(resolve))
        throw new Error('closed while its ports were opened')
      }
    }
  } catch (error) {
    await close()
    throw error
  }

  return {
    brokers: [...advertised.values()].map((address) => `${address.host}:${address.port}`),
    get connections() {
      return sockets.size
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function bound(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(Object.assign(error, { port })))
    server.listen({ port, host }, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
