/** The TCP door: one port a broker. What comes in goes to the cluster as bytes; see `cluster/wire`. */
import { createServer, type Server, type Socket } from 'node:net'
import { type ClusterServer, KafkariumError, type ListenOptions, type ServerDoor } from '../index.ts'
import { serveSocket } from './socket.ts'

/** Loopback only, unless somebody asks for more. */
const LOOPBACK = '127.0.0.1'

export async function listen(door: ServerDoor, options: ListenOptions = {}): Promise<ClusterServer> {
  const { port, host, advertisedHost, maxConnections, log } = withDefaults(options)
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

function withDefaults({ port = 9092, host = LOOPBACK, advertisedHost, maxConnections = 10_000, log }: ListenOptions) {
  if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new KafkariumError(
      'KAFKARIUM_BAD_OPTION',
      `listen.port: ${port} is no port. Allowed: 0 (any free one) to 65535.`,
    )
  }
  if (!(Number.isInteger(maxConnections) && maxConnections > 0)) {
    throw new KafkariumError(
      'KAFKARIUM_BAD_OPTION',
      `listen.maxConnections: ${maxConnections} is not a number above 0.`,
    )
  }
  return {
    port,
    host,
    advertisedHost: advertisedHost ?? (host === LOOPBACK || host === '::1' || host === '0.0.0.0' ? 'localhost' : host),
    maxConnections,
    log: log ?? ((line: string) => void process.stderr.write(`[kafkarium] ${line}\n`)),
  }
}

function bound(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, port, host)))
    server.listen({ port, host }, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

function cannotListen(error: NodeJS.ErrnoException, port: number, host: string): KafkariumError {
  const why =
    error.code === 'EADDRINUSE'
      ? `port ${port} on ${host} is in use, perhaps by another Kafka. Take another one, or port 0 for any that is free.`
      : error.code === 'EACCES'
        ? `port ${port} on ${host} is not allowed. Ports below 1024 belong to the system.`
        : `cannot listen at ${host}:${port}: ${error.message}`
  return new KafkariumError('KAFKARIUM_CANNOT_LISTEN', why, { cause: error })
}
