/**
 * How many of the user's handlers are running. Virtual time must not race while one does real I/O, so whatever would
 * move time asks here first.
 */
import type { Timer, Transport } from '../transport.ts'

export class HandlerWatch {
  #running = 0
  readonly #listeners = new Set<(busy: boolean) => void>()

  enter(): void {
    this.#running += 1
    if (this.#running === 1 && this.#listeners.size > 0) this.#tell(true)
  }

  leave(): void {
    this.#running -= 1
    if (this.#running === 0 && this.#listeners.size > 0) this.#tell(false)
  }

  #tell(busy: boolean): void {
    for (const listener of this.#listeners) listener(busy)
  }

  /** Calls the listener at once and at every change; the result removes it. */
  watch(listener: (busy: boolean) => void): () => void {
    this.#listeners.add(listener)
    listener(this.#running > 0)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /**
   * Waits in the background for something that hangs on daemon timers (fetches under way before a rejoin), and keeps
   * virtual time moving meanwhile, except while a handler runs.
   */
  async movingTime<T>(transport: Transport, stepMs: number, wait: Promise<T>): Promise<T> {
    let timer: Timer | undefined
    const arm = (): void => {
      timer = transport.timer(stepMs, 'loop', arm)
    }
    const unwatch = this.watch((busy) => {
      timer?.cancel()
      timer = undefined
      if (!busy) arm()
    })
    try {
      return await wait
    } finally {
      unwatch()
      timer?.cancel()
    }
  }
}
