/**
 * A simulated database and mailbox of one process: what it writes survives a crash, what a dead incarnation writes is
 * dropped. For effects outside Kafka, so that "the mail went out twice" can be seen and judged.
 */
import { KafkariumError } from './errors.ts'

export interface Store {
  get(key: string): unknown
  set(key: string, value: unknown): void
  delete(key: string): void
  entries(): readonly (readonly [string, unknown])[]
  /** Runs `change` and keeps all of its writes, or none of them when it throws. */
  transaction<T>(change: (store: Store) => T): T
  /** Sends a mail: it cannot be taken back. */
  send(mail: unknown): void
  mails(): readonly unknown[]
}

export interface StoreData {
  rows: Map<string, unknown>
  readonly mails: unknown[]
}

export function createStoreData(): StoreData {
  return { rows: new Map(), mails: [] }
}

/** `alive` answers false once the incarnation it was made for is dead. */
export function openStore(data: StoreData, alive: () => boolean): Store {
  const store: Store = {
    get: (key) => structuredCopy(data.rows.get(key)),
    set(key, value) {
      if (alive()) data.rows.set(key, structuredCopy(value))
    },
    delete(key) {
      if (alive()) data.rows.delete(key)
    },
    entries: () => [...data.rows].map(([key, value]) => [key, structuredCopy(value)] as const),
    transaction(change) {
      const before = new Map(data.rows)
      try {
        const result = change(store)
        if (typeof (result as { then?: unknown } | undefined)?.then === 'function') {
          throw new KafkariumError(
            'KAFKARIUM_WRONG_STATE',
            'store.transaction: its function is synchronous; do what you await before or after it.',
          )
        }
        return result
      } catch (error) {
        data.rows = before
        throw error
      }
    },
    send(mail) {
      if (alive()) data.mails.push(structuredCopy(mail))
    },
    mails: () => data.mails.map(structuredCopy),
  }
  return store
}

/** Plain data only, as a database would keep it; what is no plain data is kept as it is. */
function structuredCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCopy)
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, structuredCopy(entry)]))
  }
  return value
}
