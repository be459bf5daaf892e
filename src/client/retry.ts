/** The retry core (KJ1): how often the client tries again, how long it waits, and which error comes out at the end. */
import { KafkaJSNonRetriableError } from './errors/base.ts'
import { isRetriable, toError, viewError } from './errors/classify.ts'
import { KafkaJSNumberOfRetriesExceeded } from './errors/general.ts'
import { sleep } from './sync/time.ts'
import type { Host, Transport } from './transport.ts'
import type { RetryOptions } from './types/config.ts'

export interface RetryConfig {
  readonly maxRetryTime: number
  readonly initialRetryTime: number
  readonly factor: number
  readonly multiplier: number
  readonly retries: number
}

const defaults: RetryConfig = { maxRetryTime: 30_000, initialRetryTime: 300, factor: 0.2, multiplier: 2, retries: 5 }

/** kafkajs's other defaults, with `NODE_ENV=test`: so under jest and vitest. */
const testDefaults: RetryConfig = {
  maxRetryTime: 1000,
  initialRetryTime: 50,
  factor: 0.02,
  multiplier: 1.5,
  retries: 15,
}

export function retryConfig(host: Host, options: RetryOptions = {}): RetryConfig {
  // An option given as `undefined` overrides the default in kafkajs too, which then computes with NaN; not copied.
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return { ...(host.env('NODE_ENV') === 'test' ? testDefaults : defaults), ...given }
}

/** Thrown by an attempt to end the retries and reject with `error` itself, unwrapped. */
export class GiveUp {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}

export interface Attempt {
  /** 0 for the first. */
  readonly retryCount: number
  /** Milliseconds that will be waited after this attempt fails. */
  readonly retryTime: number
}

export type Retrier = <T>(attempt: (info: Attempt) => Promise<T>) => Promise<T>

/**
 * ceil(t ± factor × t). The choice 0 is no jitter; 1, 2, 3 … are the neighbours above and below in turn, so that
 * a shrinking explorer ends at the plain time.
 */
function jitter(transport: Transport, config: RetryConfig, time: number): number {
  const spread = Math.floor(Math.abs(config.factor * time))
  const plain = Math.ceil(time)
  const choice = spread === 0 ? 0 : transport.choose('client.retry.jitter', 2 * spread + 1)
  return choice % 2 === 1 ? plain + (choice + 1) / 2 : plain - choice / 2
}

export function createRetrier(transport: Transport, config: RetryConfig): Retrier {
  return async (attempt) => {
    let retryTime: number | undefined
    for (let retryCount = 0; ; retryCount += 1) {
      // The first wait is drawn before the first attempt in kafkajs; drawn here only when somebody can see it.
      const current: number = retryTime ?? config.initialRetryTime
      try {
        return await attempt({ retryCount, retryTime: current })
      } catch (thrown) {
        if (thrown instanceof GiveUp) throw thrown.error
        const waited = retryTime ?? jitter(transport, config, config.initialRetryTime)
        if (!isRetriable(thrown)) {
          throw new KafkaJSNonRetriableError(sourceOf(thrown), { cause: viewError(thrown).cause || thrown })
        }
        if (retryCount >= config.retries) {
          throw new KafkaJSNumberOfRetriesExceeded(sourceOf(thrown), { retryCount, retryTime: waited })
        }
        await sleep(transport, Math.max(1, Math.trunc(waited)), 'loop')
        retryTime = Math.min(jitter(transport, config, waited) * config.multiplier, config.maxRetryTime)
      }
    }
  }
}

/** kafkajs takes strings as they are and reads `message` off everything else. */
function sourceOf(thrown: unknown): Error | string {
  return typeof thrown === 'string' ? thrown : toError(thrown)
}
