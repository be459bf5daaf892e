/**
 * Makes the host's clocks, timers and chance throw while a piece of code runs, so that a test can show that the code
 * uses none of them.
 *
 *   await withTraps(async () => { … })
 */

const TIMERS = ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval'] as const

export interface TrapOptions {
  /** Names that may be used all the same. The barrier needs `setImmediate`, which is therefore not trapped at all. */
  readonly allow?: readonly string[]
}

export class TrappedError extends Error {
  override readonly name = 'TrappedError'
  constructor(what: string) {
    super(`${what} was used while traps were set: code under test must take time and chance from the kernel`)
  }
}

/** Runs `body` with the traps set and takes them away afterwards, whatever happens. */
export async function withTraps<T>(body: () => T | Promise<T>, options: TrapOptions = {}): Promise<T> {
  const remove = setTraps(options)
  try {
    return await body()
  } finally {
    remove()
  }
}

/** Sets the traps; call what it returns to remove them. */
export function setTraps({ allow = [] }: TrapOptions = {}): () => void {
  const undo: (() => void)[] = []
  const replace = (owner: object, key: string, what: string, value: (...args: never[]) => unknown) => {
    if (allow.includes(what)) return
    const before = Object.getOwnPropertyDescriptor(owner, key)
    Object.defineProperty(owner, key, { value, configurable: true, writable: true })
    undo.push(() => {
      if (before) Object.defineProperty(owner, key, before)
      else Reflect.deleteProperty(owner, key)
    })
  }
  const trap = (owner: object, key: string, what: string) =>
    replace(owner, key, what, () => {
      throw new TrappedError(what)
    })

  for (const name of TIMERS) trap(globalThis, name, name)
  trap(Math, 'random', 'Math.random')
  trap(performance, 'now', 'performance.now')
  trap(process, 'hrtime', 'process.hrtime')
  trap(globalThis.crypto, 'randomUUID', 'crypto.randomUUID')
  trap(globalThis.crypto, 'getRandomValues', 'crypto.getRandomValues')
  if (!allow.includes('Date')) {
    // `new Date(number)` only formats; reading the clock is what must not happen.
    const RealDate = Date
    const TrappedDate = new Proxy(RealDate, {
      construct(target, args, newTarget) {
        if (args.length === 0) throw new TrappedError('new Date()')
        return Reflect.construct(target, args, newTarget)
      },
      apply() {
        throw new TrappedError('Date()')
      },
      get(target, key) {
        if (key !== 'now') return Reflect.get(target, key)
        return () => {
          throw new TrappedError('Date.now')
        }
      },
    })
    globalThis.Date = TrappedDate
    undo.push(() => {
      globalThis.Date = RealDate
    })
  }
  return () => {
    for (const step of undo.reverse()) step()
    undo.length = 0
  }
}
