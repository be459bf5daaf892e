/**
 * Loggers: kafkajs's shape and levels. Differences on purpose: without a `logCreator` the client writes one readable
 * line for warnings and errors and nothing else; kafkajs writes JSON lines from INFO on, which drown a test's output.
 */
import { logLevel } from './enums.ts'
import { isoTime } from './sync/time.ts'
import type { Host, Transport } from './transport.ts'
import type { LogEntry, Logger, logCreator } from './types/logging.ts'

type Label = 'INFO' | 'ERROR' | 'WARN' | 'DEBUG'

interface LoggerOptions {
  readonly transport: Transport
  readonly host: Host
  readonly level: logLevel | undefined
  readonly logCreator: logCreator | undefined
}

export function createLogger({ transport, host, level, logCreator }: LoggerOptions): Logger {
  const requested = level ?? (logCreator === undefined ? logLevel.WARN : logLevel.INFO)
  let rootLevel = fromEnvironment(host) ?? requested
  const write = (logCreator ?? readableLines(host))(rootLevel)

  function create(namespace: string | undefined, ownLevel: logLevel | undefined): Logger {
    const at =
      (label: Label, entryLevel: logLevel) =>
      (message: string, extra: object = {}) => {
        if (entryLevel > (ownLevel ?? rootLevel)) return
        write({
          // The root logger's entries have no namespace; kafkajs's types promise a string.
          namespace: namespace as string,
          level: entryLevel,
          label,
          log: { timestamp: isoTime(transport.now()), logger: 'kafkajs', message, ...extra },
        })
      }
    return {
      info: at('INFO', logLevel.INFO),
      error: at('ERROR', logLevel.ERROR),
      warn: at('WARN', logLevel.WARN),
      debug: at('DEBUG', logLevel.DEBUG),
      // A child's namespace replaces its parent's, as in kafkajs.
      namespace: (name, childLevel) => create(name, fromEnvironment(host) ?? childLevel),
      setLogLevel: (newLevel) => {
        rootLevel = newLevel
      },
    }
  }

  return create(undefined, undefined)
}

function fromEnvironment(host: Host): logLevel | undefined {
  const name = (host.env('KAFKAJS_LOG_LEVEL') ?? '').toUpperCase()
  return Object.hasOwn(logLevel, name) ? logLevel[name as keyof typeof logLevel] : undefined
}

const hostLevels = { ERROR: 'error', WARN: 'warn', INFO: 'info', DEBUG: 'debug' } as const

function readableLines(host: Host): logCreator {
  return () => (entry: LogEntry) => {
    if (isRoutine(entry)) return
    const level = hostLevels[entry.label as Label]
    host.writeLog(level, readableLine(entry))
  }
}

/**
 * What kafkajs logs as warnings and errors although nothing is wrong: answers that make a client retry or rejoin. Whoever
 * gives up in the end logs that. A `logCreator` gets these, too.
 */
function isRoutine({ namespace, log }: LogEntry): boolean {
  if (namespace === 'Connection') return log.message.startsWith('Response ')
  return namespace === 'Runner' && log.message.startsWith('The group is rebalancing')
}

/** What was thrown and where, in one line. */
function errorText(error: { readonly name?: unknown; readonly message?: unknown; readonly stack?: unknown }): string {
  const frame = String(error.stack ?? '')
    .split('\n')
    .find((line) => /^\s*at /.test(line) && !line.includes('node_modules'))
  const where = frame === undefined ? '' : ` ${frame.trim()}`
  return `error=${String(error.name ?? 'Error')}: ${String(error.message ?? '')}${where}`
}

/** `kafkarium WARN Consumer: the message (groupId=billing)`. Whole stacks stay out: the line must stay one line. */
function readableLine({ namespace, label, log }: LogEntry): string {
  const details: string[] = []
  for (const [key, value] of Object.entries(log)) {
    if (key === 'timestamp' || key === 'logger' || key === 'message' || key === 'stack') continue
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      details.push(`${key}=${String(value)}`)
    } else if (key === 'error' && typeof value === 'object' && value !== null) details.push(errorText(value))
  }
  const where = namespace ? ` ${namespace}` : ''
  const more = details.length > 0 ? ` (${details.join(', ')})` : ''
  return `kafkarium ${label}${where}: ${log.message}${more}`.replaceAll(/\s*\n\s*/g, ' ')
}
