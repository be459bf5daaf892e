/** The clusters of this process, newest last. On `globalThis`, so that two copies of the package see each other. */
import type { Cluster } from './compose.ts'

const KEY = Symbol.for('kafkarium')

interface Registry {
  clusters: WeakRef<Cluster>[]
}

function registry(): Registry {
  const holder = globalThis as { [KEY]?: Registry }
  holder[KEY] ??= { clusters: [] }
  return holder[KEY]
}

/** Weakly: being known keeps no cluster alive. */
export function register(cluster: Cluster): void {
  const all = registry()
  all.clusters = all.clusters.filter((held) => held.deref()?.disposed === false)
  all.clusters.push(new WeakRef(cluster))
}

/** The newest cluster that was not disposed. */
export function newestCluster(): Cluster | undefined {
  const living = registry()
    .clusters.map((held) => held.deref())
    .filter((cluster) => cluster?.disposed === false)
  return living[living.length - 1]
}
