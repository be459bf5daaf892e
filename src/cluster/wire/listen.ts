/** `cluster.listen`: checks what is asked for and says in words what the host cannot do. */
import { refuseUnknown } from '../../protocol/unknown-options.ts'
import { KafkariumError } from '../errors.ts'
import type { ClusterHost } from '../host.ts'
import { isHost } from './host-name.ts'
import type { ClusterServer, ListenOptions, ServerDoor, ServerOptions } from './server.ts'

/** Loopback only, unless somebody asks for more. */
const LOOPBACK = '127.0.0.1'
const LAST_PORT = 65_535
const NAMES: readonly (keyof ListenOptions)[] = ['port', 'host', 'advertisedHost', 'maxConnections', 'log']

export async function openPorts(host: ClusterHost, door: ServerDoor, given: ListenOptions): Promise<ClusterServer> {
  if (host.listen === undefined) {
    throw new KafkariumError(
      'KAFKARIUM_CANNOT_LISTEN',
      'cluster.listen: this host has no network to listen at; Node has.',
    )
  }
  refuseUnknown(given, NAMES, 'cluster.listen')
  const options: ServerOptions = checked(given, door.nodes.length, host.warn)
  // From here on, not from when the host has its module and its ports.
  let ended = false
  const forget = door.onEnd(() => {
    ended = true
  })
  let server: ClusterServer
  try {
    server = await host.listen(door, options)
  } catch (error) {
    throw ended ? endedMeanwhile() : cannotListen(error as HostError, options)
  } finally {
    forget()
  }
  if (!ended) return server
  await server.close()
  throw endedMeanwhile()
}

function endedMeanwhile(): KafkariumError {
  return new KafkariumError(
    'KAFKARIUM_DISPOSED',
    'cluster.listen: this cluster was disposed, or began anew, before its ports were open. Await listen() first.',
  )
}

interface HostError extends Error {
  readonly code?: string
  readonly port?: number
}

function checked(
  { port = 9092, host = LOOPBACK, ...given }: ListenOptions,
  brokers: number,
  warn: ClusterHost['warn'],
) {
  const { advertisedHost, maxConnections = 10_000, log = (line: string) => warn(`[kafkarium] ${line}`) } = given
  const check = (fine: boolean, text: string) => {
    if (!fine) throw new KafkariumError('KAFKARIUM_BAD_OPTION', `listen.${text}`)
  }
  check(
    Number.isInteger(port) && port >= 0 && port <= LAST_PORT,
    `port: ${port} is no port. Allowed: 0 (any free one) to ${LAST_PORT}.`,
  )
  const last = port + brokers - 1
  check(
    port === 0 || last <= LAST_PORT,
    `port: ${brokers} brokers from ${port} on need the ports up to ${last}, and the last there is is ${LAST_PORT}. Begin at ${LAST_PORT - brokers + 1} or below.`,
  )
  check(
    Number.isInteger(maxConnections) && maxConnections > 0,
    `maxConnections: ${maxConnections} is not a number above 0.`,
  )
  check(
    host !== '',
    `host: an empty address would be every one. Say so with '0.0.0.0', or leave it out for ${LOOPBACK}.`,
  )
  check(
    isHost(host),
    `host: "${host}" is no address. Give an IP address or a name of this machine, without scheme, port, brackets or blanks, for example '0.0.0.0' for every one.`,
  )
  check(
    advertisedHost !== '',
    'advertisedHost: an empty name reaches nobody. Give the name by which clients find this machine, or leave it out.',
  )
  check(
    advertisedHost === undefined || isHost(advertisedHost),
    `advertisedHost: "${advertisedHost}" is no host name. Give the name or the IP address by which clients find this machine, without scheme, port, brackets or blanks: broker.example, 10.0.0.1.`,
  )
  const here = host === LOOPBACK || host === '::1' || host === '0.0.0.0' || host === '::'
  return { port, host, advertisedHost: advertisedHost ?? (here ? 'localhost' : host), maxConnections, log }
}

function cannotListen(error: HostError, { host, port: asked }: ServerOptions): Error {
  const { code, port = asked } = error
  const why =
    code === 'EADDRINUSE'
      ? `port ${port} on ${host} is in use, perhaps by another Kafka. Take another one, or port 0 for any that is free.`
      : code === 'EACCES'
        ? `port ${port} on ${host} is not allowed. Ports below 1024 belong to the system.`
        : code === undefined
          ? null
          : `cannot listen at ${host}:${port}: ${error.message}`
  return why === null ? error : new KafkariumError('KAFKARIUM_CANNOT_LISTEN', why, { cause: error })
}
