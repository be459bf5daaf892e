import type { ControlTime } from './program-clock.ts'
import type { Listen } from './wire/server.ts'

/** What the cluster needs of the JavaScript host: turns of its loop, and in `wall` mode its clock. */
export interface ClusterHost {
  /**
   * Runs `step` again and again, each time as a macrotask of its own with all microtasks drained in between, until it
   * answers false. Between two steps no other macrotask runs, except at a `seam`: then the host's loop gets its turn.
   * `atSeam(true)` is called before such a gap and `atSeam(false)` after it.
   */
  readonly turns: (step: () => boolean, atSeam: (open: boolean) => void) => void
  /** Real milliseconds, monotone; only for `wall` mode and for sharing the loop. */
  readonly wallNow: () => number
  /** The host's date, for the epoch in `wall` mode. */
  readonly dateNow: () => number
  /** A real timer. Without `keepAlive` it does not keep the process alive. Answers its cancel function. */
  readonly later: (ms: number, keepAlive: boolean, run: () => void) => () => void
  readonly warn: (line: string) => void
  /** Calls the listener when the process ends, with its exit code; answers a remover. Nothing but the remover
   * keeps the listener alive. */
  readonly onExit: (listener: (code: number) => void) => () => void
  /** Decompresses a batch's records section for inspection; `code` is Kafka's (1 gzip, 2 snappy, 3 lz4, 4 zstd). */
  readonly decompress: (code: number, bytes: Uint8Array) => Uint8Array
  /** Compresses one, for topics with a `compression.type`; absent where the host has no codecs. */
  readonly compress?: (code: number, bytes: Uint8Array) => Uint8Array
  /** The host's own kind of bytes over the same memory: what clients of Node expect is a Buffer. */
  readonly chunk: (bytes: Uint8Array) => Uint8Array
  /** Opens ports for clients from a network; absent where the host has none. */
  readonly listen?: Listen
  /** Puts the program's own timers, dates and chance on virtual time; absent where the host cannot. */
  readonly controlTime?: ControlTime
  /** Whether somebody else's fake timers are installed. */
  readonly timersAreFaked?: () => boolean
  readonly env: (name: string) => string | undefined
}
