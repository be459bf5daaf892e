/**
 * The consumer's engine: one loop a broker that fetches, hands what came to the workers, waits until they are done, and
 * fetches again. A broker that holds none of our partitions has a loop, too; it sleeps (KJ12).
 */
import { KafkaJSFetcherRebalanceError } from '../errors/general.ts'
import { KafkaJSNoBrokerAvailableError } from '../errors/network.ts'
import type { Logger } from '../types/logging.ts'
import type { WorkerQueue } from './worker-queue.ts'

interface Located {
  readonly topic: string
  readonly partition: number
}

export interface FetchLoopsOptions<T extends Located> {
  readonly logger: Logger
  readonly nodeIds: () => readonly string[]
  readonly fetch: (nodeId: string) => Promise<readonly T[]>
  readonly workers: WorkerQueue<T>
  /** Waits for the loops that are still under way after one failed. */
  readonly whileEnding: (ending: Promise<unknown>) => Promise<unknown>
}

export class FetchLoops<T extends Located> {
  readonly #options: FetchLoopsOptions<T>
  readonly #logger: Logger
  #running = false
  /** For good: a change of brokers that is noticed while the loops end must not start them again. */
  #stopped = false
  #loops: Promise<unknown>[] = []
  #interrupt: ((error: unknown) => void) | undefined

  constructor(options: FetchLoopsOptions<T>) {
    this.#options = options
    this.#logger = options.logger.namespace('FetchManager')
  }

  /** Runs until `stop`, or until a loop fails: then all end, and the first error comes out. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      try {
        await this.#runOnce()
        return
      } catch (error) {
        if (!(error instanceof KafkaJSFetcherRebalanceError)) throw error
        this.#logger.debug('Rebalancing fetchers...')
      }
    }
  }

  async #runOnce(): Promise<void> {
    const { nodeIds, whileEnding } = this.#options
    const nodes = nodeIds()
    if (nodes.length === 0) throw new KafkaJSNoBrokerAvailableError()
    this.#running = true
    // Which node's loop has a partition in hand: another must not handle the same partition at the same time.
    const owners = new Map<string, string>()
    this.#loops = nodes.map((nodeId) => this.#loop(nodeId, nodes, owners))
    const interrupted = new Promise<never>((_, reject) => {
      this.#interrupt = reject
    })
    try {
      await Promise.race([Promise.all(this.#loops), interrupted])
    } catch (error) {
      this.#running = false
      await whileEnding(Promise.allSettled(this.#loops))
      throw error
    } finally {
      this.#interrupt = undefined
    }
  }

  /** Ends `run` as if a loop had failed with this error. Does nothing when none runs. */
  interrupt(error: unknown): void {
    this.#interrupt?.(error)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#running = false
    await Promise.allSettled(this.#loops)
  }

  async #loop(nodeId: string, nodes: readonly string[], owners: Map<string, string>): Promise<void> {
    const { fetch, workers } = this.#options
    while (this.#running) {
      this.#checkNodes(nodes)
      const fetched = await fetch(nodeId)
      if (!this.#running) return
      const batches = fetched.filter((batch) => this.#isFree(nodeId, batch, owners))
      if (batches.length === 0) continue
      for (const batch of batches) owners.set(keyOf(batch), nodeId)
      try {
        await workers.push(batches)
      } finally {
        for (const batch of batches) owners.delete(keyOf(batch))
      }
    }
  }

  #checkNodes(nodes: readonly string[]): void {
    const current = this.#options.nodeIds()
    const changed = nodes.length !== current.length || nodes.some((nodeId) => !current.includes(nodeId))
    if (changed && current.length > 0) throw new KafkaJSFetcherRebalanceError()
  }

  #isFree(nodeId: string, batch: T, owners: ReadonlyMap<string, string>): boolean {
    const owner = owners.get(keyOf(batch))
    if (owner === undefined || owner === nodeId) return true
    this.#logger.info('Filtering out batch due to partition already being processed by another fetcher', {
      topic: batch.topic,
      partition: batch.partition,
      assignedFetcher: owner,
      fetcher: nodeId,
    })
    return false
  }
}

const keyOf = ({ topic, partition }: Located): string => `${topic}|${partition}`
