/**
 * The other composition root: the same cluster without a client of our own, for `kafkarium serve`, whose clients come from outside.
 * It starts sooner for not loading one.
 */
import type { Cluster as ClusterOf } from './cluster/api.ts'
import { createClusterCore } from './cluster/cluster.ts'
import type { ClusterOptions } from './cluster/options.ts'
import { clusterHost } from './cluster-host.ts'

export type ClientlessCluster = Omit<ClusterOf<never, never>, 'kafka' | 'process'>

/** @throws KafkariumError as `createCluster` */
export function createClientlessCluster(options: ClusterOptions): ClientlessCluster {
  return createClusterCore<never, never>(options, clusterHost, () => {
    throw new Error('This cluster has no client of its own.')
  })
}

export { KafkariumError } from './cluster/errors.ts'
