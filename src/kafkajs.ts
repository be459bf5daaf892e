/**
 * A drop-in module for kafkajs: the same names, and a `Kafka` that talks to a simulated cluster. Application code that
 * makes its own client, or checks errors with `instanceof`, needs no change:
 *
 * ```ts
 * vi.mock('kafkajs', () => import('kafkarium/kafkajs'))
 * ```
 */

import * as names from './client/names.ts'
import type {
  Admin,
  AdminConfig,
  Consumer,
  ConsumerConfig,
  Kafka as KafkaApi,
  KafkaConfig,
  Logger,
  Producer,
  ProducerConfig,
} from './client/types/index.ts'
import { clusterHost } from './cluster-host.ts'
import type { ClientConfig } from './compose.ts'
import { type Cluster, createCluster } from './index.ts'
import { newestCluster } from './registry.ts'

export * from './client/names.ts'

/**
 * The cluster that clients of this module talk to: the newest one made with `createCluster` and not disposed. When there is
 * none it makes one: one broker, topics on demand. A client that makes it come to that says so, once; who calls this wants it.
 */
export function currentCluster(): Cluster {
  return newestCluster() ?? createCluster()
}

let told = false

/** A test that talks to an empty cluster nobody looks at would pass, or fail, for the wrong reason. */
function warnOfNoCluster(): void {
  if (told) return
  told = true
  clusterHost.warn(
    '[kafkarium] new Kafka() of kafkarium/kafkajs found no cluster: none was made yet, or it was disposed already. It talks to an empty one now, ' +
      'with one broker and topics on demand. Call createCluster() first and dispose it last; if this is what you want, call currentCluster() before.',
  )
}

/**
 * kafkajs's `Kafka`. It looks for its cluster when the first client is made, so it may be constructed when a module loads,
 * before the test makes the cluster. `brokers` is not looked at: whatever address the application has, it reaches the cluster.
 */
export class Kafka implements KafkaApi {
  readonly #config: ClientConfig
  #cluster: Cluster | null = null
  #client: KafkaApi | null = null

  constructor({ brokers: _anywhere, ...config }: KafkaConfig) {
    this.#config = config
  }

  producer(config?: ProducerConfig): Producer {
    return this.#connected().producer(config)
  }

  consumer(config: ConsumerConfig): Consumer {
    return this.#connected().consumer(config)
  }

  admin(config?: AdminConfig): Admin {
    return this.#connected().admin(config)
  }

  logger(): Logger {
    return this.#connected().logger()
  }

  #connected(): KafkaApi {
    if (this.#client === null || this.#cluster?.disposed !== false) {
      if (newestCluster() === undefined) warnOfNoCluster()
      this.#cluster = currentCluster()
      this.#client = this.#cluster.kafka(this.#config)
    }
    return this.#client
  }
}

/** `import kafkajs from 'kafkajs'`, as one may write it for a CommonJS module. */
// biome-ignore lint/style/noDefaultExport: kafkajs can be imported so.
export default { ...names, Kafka }
