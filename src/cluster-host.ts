/** All that Node does for a cluster. */
import type { ClusterHost } from './cluster/host.ts'
import { controlTime } from './host/control/index.ts'
import { nodeClusterHost } from './host/turns.ts'

export const clusterHost: ClusterHost = {
  ...nodeClusterHost,
  controlTime,
  // Loaded when somebody listens: most clusters never do.
  listen: async (door, options) => (await import('./server/listen.ts')).listen(door, options),
}
