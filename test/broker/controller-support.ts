/** A controller without a network: brokers come and go by a call. */
import {
  type BrokerInfo,
  brokerConfig,
  type ControllerState,
  createController,
  type PartitionInfo,
  registerBroker,
  type Switches,
  stepController,
  switchesOf,
  unfenceBroker,
} from '../../src/broker/index.ts'
import {
  makeCreatableReplicaAssignment,
  makeCreatableTopic,
  makeCreatableTopicConfig,
  makeCreateTopicsRequest,
} from '../../src/protocol/make.ts'

export interface ControllerBenchOptions {
  readonly brokers?: number
  readonly version?: string
  readonly switches?: Partial<Switches>
  readonly config?: Readonly<Record<string, string>>
  readonly racks?: readonly string[]
}

/** With brokers 1…n in service. */
export function controllerWith(options: ControllerBenchOptions = {}): ControllerState {
  const { brokers = 3, version = '4.3', switches = {}, config = {}, racks = [] } = options
  const state = createController(brokerConfig(config), { ...switchesOf(version), ...switches })
  for (let id = 1; id <= brokers; id++) start(state, id, true, racks[id - 1] ?? null)
  return state
}

/** Registers a broker and takes it into service. */
export function start(state: ControllerState, id: number, cleanShutdown = true, rack: string | null = null) {
  const registered = registerBroker(state, { id, host: 'h', port: 9091 + id, rack, cleanShutdown })
  return [...registered, ...unfenceBroker(state, id)]
}

/** A topic whose partitions have the replicas named. */
export function addTopic(
  state: ControllerState,
  replicas: readonly (readonly number[])[],
  config: Readonly<Record<string, string>> = {},
  name = 'orders',
): void {
  const body = makeCreateTopicsRequest({
    topics: [
      makeCreatableTopic({
        name,
        numPartitions: -1,
        replicationFactor: -1,
        assignments: replicas.map((brokerIds, partitionIndex) =>
          makeCreatableReplicaAssignment({ partitionIndex, brokerIds }),
        ),
        configs: Object.entries(config).map(([key, value]) => makeCreatableTopicConfig({ name: key, value })),
      }),
    ],
  })
  const { records } = stepController(state, { api: 'CreateTopics', body, internal: false }, () => `${name}-id`)
  if (records.length === 0) throw new Error('the topic was not made')
}

export function partitionOf(state: ControllerState, partition = 0, topic = 'orders'): PartitionInfo {
  const info = state.image.topics.get(topic)?.partitions[partition]
  if (info === undefined) throw new Error(`there is no ${topic}-${partition}`)
  return info
}

export function brokerOf(state: ControllerState, id: number): BrokerInfo {
  const broker = state.image.brokers.get(id)
  if (broker === undefined) throw new Error(`there is no broker ${id}`)
  return broker
}
