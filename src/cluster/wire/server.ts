/** What a cluster and a server that lets clients in from a network know of each other; `src/server` is Node's. */
import type { Addresses } from './advertise.ts'
import type { WireClient, WireConnection } from './connection.ts'

export interface ListenOptions {
  /** The first broker's port; the next ones take the following. 0 = whatever is free. Default 9092. */
  readonly port?: number
  /** The address to listen at. Default 127.0.0.1: nobody outside this machine gets in. */
  readonly host?: string
  /** The host name that clients are told. Default `localhost`, or `host` where that is another address. */
  readonly advertisedHost?: string
  /** Connections at once, all brokers together. More are closed at once. Default 10,000. */
  readonly maxConnections?: number
  /** One line about a client that was cut off. Default: standard error. */
  readonly log?: (line: string) => void
}

/** A cluster that listens. */
export interface ClusterServer {
  /** Addresses for a client's bootstrap list, in the order of the brokers. */
  readonly brokers: readonly string[]
  /** Connections that are open now. */
  readonly connections: number
  /** Closes the ports and every connection. The cluster goes on. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A client of a server: who it is and where brokers are for it. */
export interface Visitor {
  readonly node: number
  /** As brokers show it: `/127.0.0.1`. */
  readonly host: string
  readonly advertised: Addresses
  readonly log: (line: string) => void
}

/** What a server needs of a cluster. */
export interface ServerDoor {
  /** Broker ids, ascending. */
  readonly nodes: readonly number[]
  /** Somebody comes whose waiting nobody sees; answers what to call when it is gone. */
  hold(): () => void
  /** A client reached a broker's port. */
  open(visitor: Visitor, client: WireClient): WireConnection
  /** Whether a broker's process runs now. */
  isUp(node: number): boolean
  /** Called when a broker's process has ended or is there again; answers the remover. */
  onNode(listener: (node: number, up: boolean) => void): () => void
  /** Called when the cluster ends or begins anew; answers the remover. */
  onEnd(listener: () => void): () => void
}

/** All of them, checked. */
export type ServerOptions = Required<ListenOptions>

/**
 * Opens the ports: the host's part of `cluster.listen`. Rejects with the host's own error, which has a `code` (`EADDRINUSE` …) and
 * the `port` it is about.
 */
export type Listen = (door: ServerDoor, options: ServerOptions) => Promise<ClusterServer>
