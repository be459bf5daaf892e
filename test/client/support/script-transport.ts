/** A scripted `Transport` with a hand-driven clock: brokers are functions, time moves to the next timer by itself. */
import type {
  ClientFact,
  Connection,
  ConnectOptions,
  Host,
  Timer,
  TimerKind,
  Transport,
  TransportError,
} from '../../../src/client/transport.ts'
import { compress, decompress } from '../../../src/host/codecs/index.ts'
import type { ApiName } from '../../../src/protocol/messages.ts'

export interface SentRequest {
  readonly address: string
  readonly api: ApiName
  readonly version: number
  readonly body: unknown
}

export type Answer = (request: SentRequest) => unknown

export interface ScriptOptions {
  /** Answers a request; throw a `transportError` to fail it. */
  readonly answer: Answer
  /** Throws a `transportError` to refuse. */
  readonly connect?: (address: string) => void
  readonly choose?: (site: string, n: number) => number
  readonly env?: Readonly<Record<string, string>>
}

export function transportError(
  kind: TransportError['transport'],
  message: string,
  more: Partial<TransportError> = {},
): TransportError {
  return Object.assign(new Error(message), { transport: kind, host: 'b', port: 1, ...more })
}

export function createScript(options: ScriptOptions) {
  let now = 1_767_225_600_000
  let sequence = 0
  let timers: { at: number; sequence: number; kind: TimerKind; run: () => void }[] = []
  const requests: SentRequest[] = []
  const facts: ClientFact[] = []
  const calls: string[] = []
  const connects: { address: string; options: ConnectOptions }[] = []
  const sleeps: { delayMs: number; kind: TimerKind }[] = []
  const lines: string[] = []
  const counters = new Map<string, number>()
  let pumping = false

  /** Fires the next timer after everything that can run has run. */
  function pump(): void {
    if (pumping) return
    pumping = true
    setImmediate(() => {
      pumping = false
      timers.sort((a, b) => a.at - b.at || a.sequence - b.sequence)
      const next = timers.shift()
      if (next === undefined) return
      now = Math.max(now, next.at)
      next.run()
      pump()
    })
  }

  const transport: Transport = {
    now: () => now,
    choose: (site, n) => options.choose?.(site, n) ?? 0,
    nextId: (counter) => {
      const id = counters.get(counter) ?? 0
      counters.set(counter, id + 1)
      return id
    },
    note: (fact) => facts.push(fact),
    begin: (call) => {
      calls.push(call)
      return { waitsForUser: () => {}, end: () => calls.push(`end ${call}`) }
    },
    timer(delayMs, kind, run): Timer {
      sleeps.push({ delayMs, kind })
      const timer = { at: now + delayMs, sequence: sequence++, kind, run }
      timers.push(timer)
      pump()
      return {
        cancel: () => {
          timers = timers.filter((other) => other !== timer)
        },
      }
    },
    async connect(host, port, connectOptions): Promise<Connection> {
      const address = `${host}:${port}`
      connects.push({ address, options: connectOptions })
      options.connect?.(address)
      let isOpen = true
      const connection: Connection = {
        host,
        port,
        get isOpen() {
          return isOpen
        },
        close: () => {
          isOpen = false
        },
        async request(api, version, body, requestOptions) {
          const request = { address, api, version, body }
          requests.push(request)
          try {
            const answer = await options.answer(request)
            return (requestOptions?.noResponse ? undefined : answer) as never
          } catch (error) {
            if ((error as TransportError).transport === 'closed') isOpen = false
            throw error
          }
        },
      }
      return connection
    },
  }

  const host: Host = {
    bytes: {
      view: (buffer, byteOffset, length) => Buffer.from(buffer as ArrayBuffer, byteOffset, length),
      isBytes: (value): value is Uint8Array => value instanceof Uint8Array,
      fromString: (text) => Buffer.from(text),
      toString: (bytes) => Buffer.from(bytes).toString(),
    },
    env: (name) => options.env?.[name],
    writeLog: (level, line) => lines.push(`${level}|${line}`),
    compress,
    decompress,
  }

  return { transport, host, requests, facts, calls, connects, sleeps, lines, advance: (ms: number) => (now += ms) }
}

/** ApiVersions with everything a broker of today offers. */
export const allVersions = {
  errorCode: 0,
  throttleTimeMs: 0,
  apiKeys: Array.from({ length: 50 }, (_, apiKey) => ({ apiKey, minVersion: 0, maxVersion: 20 })),
}
