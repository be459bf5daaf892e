/** `node:timers/promises` on a program clock (lib/timers/promises.js). */
import { checkDelay, checkOptions } from './arguments.ts'
import type { LastingClock } from './handover.ts'
import { delayOf } from './timers.ts'

interface Options {
  readonly signal?: AbortSignal
  readonly ref?: boolean
}

/** Of `node:timers/promises`; its first two are also what `promisify` makes of the functions with callbacks. */
export function timerPromises(clock: LastingClock): Readonly<Record<string, unknown>> {
  const sleep = (kind: 'timeout' | 'immediate', delay: number, value: unknown, { signal, ref }: Options) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError(signal))
      const abort = () => {
        armed.cancel()
        reject(abortError(signal))
      }
      // Before anything is armed: what only looks like a signal may throw here.
      signal?.addEventListener('abort', abort, { once: true })
      const fire = () => {
        signal?.removeEventListener('abort', abort)
        resolve(value)
      }
      const armed = clock.arm(kind, delay, fire, ref)
    })
  /** What is refused is refused by the promise, at once. */
  const checked = (check: () => void, wait: () => Promise<unknown>) => {
    try {
      check()
    } catch (error) {
      return Promise.reject(error)
    }
    return wait()
  }
  const setTimeout = (delay?: unknown, value?: unknown, options: Options = {}) =>
    checked(
      () => {
        checkDelay(delay)
        checkOptions(options)
      },
      () => sleep('timeout', delayOf(delay), value, options),
    )
  const setImmediate = (value?: unknown, options: Options = {}) =>
    checked(
      () => checkOptions(options),
      () => sleep('immediate', 0, value, options),
    )
  return {
    setTimeout,
    setImmediate,
    setInterval: (delay?: unknown, value?: unknown, options: Options = {}) =>
      ticks(() => setTimeout(delay, value, options)),
    scheduler: {
      wait: (delay: number, options?: Options) => setTimeout(delay, undefined, options),
      yield: () => setImmediate(),
    },
  }
}

async function* ticks(next: () => Promise<unknown>): AsyncGenerator<unknown> {
  for (;;) yield await next()
}

function abortError(signal: AbortSignal | undefined): Error {
  return Object.assign(new Error('The operation was aborted', { cause: signal?.reason }), {
    name: 'AbortError',
    code: 'ABORT_ERR',
  })
}
