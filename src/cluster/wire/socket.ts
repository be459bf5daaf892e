/**
 * A socket in process, for the real kafkajs (`socketFactory`). It is what kafkajs uses of Node's: `on`, `write`, `end`, `unref`
 * and the events `data`, `end`, `error`; events come later, never inside a call, and `end` comes once.
 */
import { KafkariumError } from '../errors.ts'
import type { WireClient, WireConnection } from './connection.ts'

/** kafkajs's ISocketFactoryArgs. */
export interface SocketFactoryArgs {
  readonly host: string
  readonly port: number
  readonly ssl?: unknown
  /** Called when the connection stands. */
  readonly onConnect: () => void
}

/** What `socketFactory` makes: the part of net.Socket that clients of Kafka use. */
export interface WireSocket {
  on(event: string, listener: (...args: never[]) => void): this
  once(event: string, listener: (...args: never[]) => void): this
  off(event: string, listener: (...args: never[]) => void): this
  removeListener(event: string, listener: (...args: never[]) => void): this
  emit(event: string, ...args: unknown[]): boolean
  /** Always true: nothing is buffered here. */
  write(bytes: Uint8Array, encoding?: unknown, done?: () => void): boolean
  end(): this
  destroy(): this
  /** These change nothing: a socket in process keeps no process alive. */
  ref(): this
  unref(): this
  setKeepAlive(): this
  setNoDelay(): this
  setTimeout(): this
}

type Listener = (...args: unknown[]) => void

/** @param open begins to connect; @param toChunk makes the host's own bytes (Node's Buffer) of ours */
export function createSocket(
  args: SocketFactoryArgs,
  open: (client: WireClient) => WireConnection,
  toChunk: (bytes: Uint8Array) => Uint8Array,
): WireSocket {
  if (args.ssl !== undefined && args.ssl !== null && args.ssl !== false) {
    throw new KafkariumError(
      'KAFKARIUM_BAD_OPTION',
      'socketFactory: ssl is not offered in process, where nothing leaves the program. Leave `ssl` out of the client made for the test.',
    )
  }
  const listeners = new Map<string, Listener[]>()
  let ended = false
  const emit = (event: string, ...values: unknown[]): boolean => {
    const told = listeners.get(event)
    if (told === undefined || told.length === 0) return false
    for (const listener of [...told]) listener(...values)
    return true
  }
  const fail = (code: string, message: string) => {
    ended = true
    emit('error', Object.assign(new Error(message), { code, address: args.host, port: args.port }))
    emit('close', true)
  }
  const connection = open({
    opened() {
      if (ended) return
      emit('connect')
      args.onConnect()
    },
    refused(why) {
      if (ended) return
      if (why === 'refused') fail('ECONNREFUSED', `connect ECONNREFUSED ${args.host}:${args.port}`)
      else if (why === 'unknown-host') fail('ENOTFOUND', `getaddrinfo ENOTFOUND ${args.host}`)
      // Silence: the client's own time-out says so.
    },
    answer(frame) {
      if (!ended) emit('data', toChunk(frame))
    },
    ended() {
      if (ended) return
      ended = true
      emit('end')
      emit('close', false)
    },
    // Nothing is lost when it goes on: what it writes waits here.
    hold: () => {},
  })
  const socket: WireSocket = {
    on(event, listener) {
      const told = listeners.get(event) ?? []
      listeners.set(event, [...told, listener as Listener])
      return socket
    },
    once(event, listener) {
      const first = (...values: never[]) => {
        socket.off(event, first)
        listener(...values)
      }
      return socket.on(event, first)
    },
    off(event, listener) {
      const told = listeners.get(event) ?? []
      listeners.set(
        event,
        told.filter((known) => known !== (listener as Listener)),
      )
      return socket
    },
    removeListener: (event, listener) => socket.off(event, listener),
    emit,
    write(bytes, encoding, done) {
      // A copy: the log keeps these bytes, and the client may use its buffer again.
      if (!ended) connection.receive(new Uint8Array(bytes))
      const written = typeof encoding === 'function' ? encoding : done
      if (written !== undefined) Promise.resolve().then(() => written())
      return true
    },
    end() {
      if (!ended) {
        ended = true
        connection.close()
      }
      return socket
    },
    destroy: () => socket.end(),
    ref: () => socket,
    unref: () => socket,
    setKeepAlive: () => socket,
    setNoDelay: () => socket,
    setTimeout: () => socket,
  }
  return socket
}
