/** The TCP door: one port a broker. What comes in goes to the cluster as bytes; see `cluster/wire`. */
import { createServer, type Server, type Socket } from 'node:net'
import type { ClusterServer, ServerDoor, ServerOptions } from '../index.ts'
import { serveSocket } from './socket.ts'

export async function listen(door: ServerDoor, options: ServerOptions): Promise<ClusterServer> {
  const { port, host, advertisedHost, maxConnections, log } = options
  const advertised = new Map<number, { host: string; port: number }>()
  const sockets = new Set<Socket>()
  const servers = new Map<number, Server>()
  const release = door.hold()
  let closing: Promise<void> | null = null

  const close = () => {
    closing ??= (async () => {
      forgetEnd()
      forgetNodes()
      release()
      const closed = [...servers.values()].map(
        (server) => new Promise<void>((resolve) => server.close(() => resolve())),
      )
      for (const socket of sockets) socket.destroy()
      await Promise.all(closed)
    })()
    return closing
  }
  const forgetEnd = door.onEnd(() => void close())
  const forgetNodes = door.onNode((node, up) => {
    // Not yet open: it is looked at then.
    const address = advertised.get(node)
    if (address === undefined || closing !== null) return
    if (!up) {
      shut(node)
      return
    }
    open(node, address.port).catch((error: Error) => {
      if (closing === null) log(`broker ${node} is up again, and nobody reaches it: ${error.message}`)
    })
  })

  function shut(node: number): void {
    servers.get(node)?.close()
    servers.delete(node)
  }

  /** Resolves with the port when it is open. */
  async function open(node: number, at: number): Promise<number> {
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
    servers.set(node, server)
    const port = await bound(server, at, host)
    // The broker is gone again.
    if (servers.get(node) !== server) server.close()
    return port
  }

  try {
    for (const [index, node] of door.nodes.entries()) {
      const bound = await open(node, port === 0 ? 0 : port + index)
      if (closing !== null) {
        // It was not listening yet when the others were closed; the caller says that the cluster has ended.
        await new Promise((resolve) => servers.get(node)?.close(resolve))
        throw new Error('closed while its ports were opened')
      }
      advertised.set(node, { host: advertisedHost, port: bound })
      // A broker that is down refuses. Its port was opened all the same, to know which it is.
      if (!door.isUp(node)) shut(node)
    }
  } catch (error) {
    await close()
    throw error
  }

  return {
    brokers: [...advertised.values()].map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`),
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
