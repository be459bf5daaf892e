/**
 * Puts cluster and client together without knowing the host, so that it runs in any ES2022 engine. `index.ts` hands in
 * Node's; a browser entry would hand in its own.
 */
import { createKafka } from './client/kafka.ts'
import type { Host } from './client/transport.ts'
import type { Kafka } from './client/types/clients.ts'
import type { KafkaConfig } from './client/types/config.ts'
import type { Cluster as ClusterOf } from './cluster/api.ts'
import { createClusterCore } from './cluster/cluster.ts'
import type { ClusterHost } from './cluster/host.ts'
import type { ClusterOptions } from './cluster/options.ts'

/** What a caller may give for one client: kafkajs's configuration; `brokers` and `clientId` have defaults. */
export type ClientConfig = Omit<KafkaConfig, 'brokers'> & { readonly brokers?: KafkaConfig['brokers'] }

/** A simulated cluster. See `createCluster`. */
export type Cluster = ClusterOf<Kafka, ClientConfig>

/** Makes `createCluster` for a host. */
export function composeFor(clusterHost: ClusterHost, clientHost: Host): (options?: ClusterOptions) => Cluster {
  return (options = {}) =>
    createClusterCore<Kafka, ClientConfig>(options, clusterHost, (transport, defaults, config) =>
      createKafka(transport, clientHost, { ...defaults, brokers: [...defaults.brokers], ...config }),
    )
}
