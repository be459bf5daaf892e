import type { WatchOptions } from './known-options.ts'
import type { Host, Transport } from './transport.ts'
import type { Logger } from './types/logging.ts'

/** What every part of the client is handed. */
export interface ClientContext {
  readonly transport: Transport
  readonly host: Host
  readonly rootLogger: Logger
  readonly watchOptions: WatchOptions
}
