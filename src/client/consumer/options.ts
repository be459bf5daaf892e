import type { ClientContext } from '../context.ts'
import type { EventEmitter } from '../events/emitter.ts'
import type { Cluster } from '../metadata/cluster.ts'
import type { RetryConfig } from '../retry.ts'
import type { PartitionAssigner } from '../types/assigners.ts'

/** A consumer's options with all defaults filled in. Milliseconds and bytes. */
export interface ConsumerOptions {
  readonly context: ClientContext
  readonly cluster: Cluster
  readonly emitter: EventEmitter
  readonly groupId: string
  readonly partitionAssigners: readonly PartitionAssigner[]
  readonly metadataMaxAgeMs: number
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly maxBytesPerPartition: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly maxWaitMs: number
  readonly retry: RetryConfig
  readonly restartOnFailure: ((error: Error) => Promise<boolean>) | undefined
  readonly isolationLevel: number
  readonly rackId: string
  /** Null for a dynamic member. */
  readonly groupInstanceId: string | null
  readonly groupProtocol: 'classic' | 'consumer'
  /** The coordinator's assignor to ask for (KIP-848); null: its default. */
  readonly groupRemoteAssignor: string | null
  readonly requireStable: boolean
  /** Member ids begin with it. */
  readonly clientId: string
}
