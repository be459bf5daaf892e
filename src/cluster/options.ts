import type { Switches } from '../broker/index.ts'

/** The options of `createCluster`. Every one has a default a newcomer never has to change. */
export interface ClusterOptions {
  /** Number of brokers, ids 1…n. Default 1. */
  readonly brokers?: number
  /** The rack of each broker, in the order of their ids: replicas are spread over racks. Default: none. */
  readonly racks?: readonly string[]
  /** Topics to start with. A number is a partition count. */
  readonly topics?: Readonly<Record<string, number | TopicOptions>>
  /**
   * When `__consumer_offsets` and `__transaction_state` are made: when a client first needs them, as brokers do, so that the first
   * consumer of all waits a little longer; or at the start, as in a cluster that has been in use. Default `onDemand`.
   */
  readonly internalTopics?: 'onDemand' | 'atStart'
  /**
   * The seed of every choice: a number or a string (a git commit hash is fine). Without one every choice is the benign
   * one: FIFO links, least latency. Default: the environment's `KAFKARIUM_SEED`, else none.
   */
  readonly seed?: number | string
  /** How virtual time moves: see docs/time.md. Default `auto`. */
  readonly time?: 'auto' | 'manual' | 'wall'
  /** In `wall`: virtual milliseconds per real millisecond. Default 1. */
  readonly speed?: number
  /** Virtual start time. Default 2026-01-01T00:00:00Z in `auto` and `manual`, the host's date in `wall`. */
  readonly epoch?: number | string | Date
  /** Background loops (reconnect, back-off, restart) move time for this long since the last progress: ms or '60s'. Default 60 s. */
  readonly patience?: number | string
  /** Virtual deadline of every API call, `until` and `settle`: ms or '5m'. Default and at most 5 minutes. */
  readonly deadline?: number | string
  /** The Apache Kafka version posed as: decides versions, defaults and switches. Default '4.3'. */
  readonly kafkaVersion?: string
  /** Turns the fix of a known protocol bug off (or on), to show what it is for. Default: what `kafkaVersion` has. */
  readonly switches?: Partial<Switches>
  /** Broker configuration by Kafka's own names, for example `{ 'group.initial.rebalance.delay.ms': 0 }`. */
  readonly config?: Readonly<Record<string, string | number | boolean>>
  /** Keep every trace event instead of the last ones. Default: a ring of 10,000. */
  readonly trace?: 'full' | number
  /** Check the laws after every event. Default false; tests and lessons switch it on. */
  readonly laws?: boolean
  /**
   * Record what clients send, read, handle and commit, for `cluster.history()` and the delivery checker. Costs memory for every
   * record. Default false.
   */
  readonly history?: boolean
  /** An uncontrolled async entry (real I/O while the cluster was running) throws instead of marking the run. Default false. */
  readonly strict?: boolean
}

export interface TopicOptions {
  readonly partitions?: number
  readonly replicationFactor?: number
  /** Topic configuration by Kafka's own names. */
  readonly config?: Readonly<Record<string, string | number | boolean>>
}
