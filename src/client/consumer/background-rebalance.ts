/** Rebalances of a member that goes on working meanwhile: one round after the other, until none is wanted (KIP-429). */
import { Stopped } from './joiner.ts'

export interface BackgroundRebalanceOptions {
  /** Joins and takes over the assignment; says whether another round has to follow. */
  readonly round: () => Promise<boolean>
  readonly onFailure: (error: unknown) => void
  readonly isStopping: () => boolean
}

export class BackgroundRebalance {
  readonly #options: BackgroundRebalanceOptions
  #wanted = false
  #running: Promise<void> | undefined

  constructor(options: BackgroundRebalanceOptions) {
    this.#options = options
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  request(): void {
    this.#wanted = true
    // Never rejects: failures go to `onFailure`.
    this.#running ??= this.#run()
  }

  /** After a failure: what is still wanted is tried again. */
  resume(): void {
    if (this.#wanted) this.request()
  }

  /** What was wanted is out of date. */
  forget(): void {
    this.#wanted = false
  }

  async settled(): Promise<void> {
    await this.#running
  }

  async #run(): Promise<void> {
    const { round, onFailure, isStopping } = this.#options
    try {
      while (this.#wanted) {
        if (isStopping()) throw new Stopped()
        this.#wanted = false
        try {
          if (await round()) this.#wanted = true
        } catch (error) {
          this.#wanted = true
          throw error
        }
      }
    } catch (error) {
      this.#running = undefined
      onFailure(error)
    } finally {
      this.#running = undefined
    }
  }
}
