/** The sandbox's consumers: groups of processes that can be killed, frozen and stopped. */
import type { Cluster } from '../../index.ts'
import type { Notice } from './controller.ts'

/** Which consumer a key acts on: that client, else the last living one of the group. */
export interface ConsumerChoice {
  readonly group?: string
  readonly client?: string
}

export interface Consumers {
  /** The groups that were started and not deleted. */
  groups(): readonly string[]
  add(group?: string): Notice | null
  /** The next of `SANDBOX_GROUPS`, with one consumer. */
  addGroup(): Notice | null
  kill(choice: ConsumerChoice): Notice | null
  stop(choice: ConsumerChoice): Promise<Notice | null>
  /** Freezes a running consumer, thaws a frozen one. */
  freeze(choice: ConsumerChoice): Notice | null
  deleteGroup(group?: string): Promise<Notice | null>
}

interface GroupSpec {
  readonly id: string
  readonly prefix: string
  /** Its members have a `group.instance.id` (KIP-345). */
  readonly isStatic: boolean
  /** `consumer` is the protocol of KIP-848. */
  readonly protocol: 'classic' | 'consumer'
}

const BILLING: GroupSpec = { id: 'billing', prefix: 'consumer', isStatic: false, protocol: 'classic' }
const SPECS: readonly GroupSpec[] = [
  BILLING,
  { id: 'audit', prefix: 'audit', isStatic: true, protocol: 'classic' },
  { id: 'shipping', prefix: 'shipping', isStatic: false, protocol: 'consumer' },
]
/** The groups there may be, in the order in which they are started. */
export const SANDBOX_GROUPS: readonly string[] = SPECS.map(({ id }) => id)

const TOPIC = 'orders'
const MAX_CONSUMERS = 6
/** Short enough to watch a session time out. */
export const SESSION_TIMEOUT_MS = 10_000
export const HEARTBEAT_MS = 1_000
const NON_EMPTY_GROUP = 68
const GROUP_ID_NOT_FOUND = 69

/** Quiet, for a line of a log would stand in the middle of the screen; and patient, for brokers die here. */
export const CLIENT = { logLevel: 0, retry: { retries: 1000, maxRetryTime: 2000 } } as const

type Handle = ReturnType<Cluster['process']>

interface Consumer {
  readonly name: string
  readonly spec: GroupSpec
  readonly handle: Handle
}

/** @param work what a consumer does with a record */
export function createConsumers(cluster: Cluster, work: () => Promise<void>): Consumers {
  const consumers: Consumer[] = []
  const known = new Set<string>()
  const counts = new Map<string, number>()

  const isAlive = ({ handle }: Consumer) => handle.state === 'running' || handle.state === 'frozen'
  const living = (group: string) => consumers.filter((it) => it.spec.id === group && isAlive(it))

  function choose({ group = BILLING.id, client }: ConsumerChoice): Consumer | Notice {
    if (client === undefined) return living(group).at(-1) ?? { id: 'sandbox.no-consumer' }
    const found = consumers.find(({ name }) => name === client)
    if (found === undefined) return { id: 'sandbox.no-consumer' }
    return isAlive(found) ? found : { id: 'sandbox.consumer-gone', params: { client } }
  }

  function run(spec: GroupSpec, name: string): Handle {
    return cluster.process(name, async ({ newKafka, onStop }) => {
      const consumer = newKafka(CLIENT).consumer({
        groupId: spec.id,
        // With the consumer protocol both are the broker's.
        ...(spec.protocol === 'classic'
          ? { sessionTimeout: SESSION_TIMEOUT_MS, heartbeatInterval: HEARTBEAT_MS }
          : { groupProtocol: 'consumer' }),
        rebalanceTimeout: 10_000,
        // kafkajs goes to a rebalance only when its long polls are over: short ones keep the screen lively.
        maxWaitTimeInMs: 500,
        ...(spec.isStatic ? { groupInstanceId: name } : {}),
      })
      onStop(() => consumer.disconnect())
      await consumer.connect()
      await consumer.subscribe({ topic: TOPIC, fromBeginning: true })
      await consumer.run({ eachMessage: work })
    })
  }

  function add(spec: GroupSpec): Notice | null {
    if (living(spec.id).length >= MAX_CONSUMERS)
      return { id: 'sandbox.max-consumers', params: { count: MAX_CONSUMERS } }
    known.add(spec.id)
    // A static member that comes back within its session takes its old place.
    const dead = spec.isStatic ? consumers.find((it) => it.spec === spec && !isAlive(it)) : undefined
    if (dead !== undefined) {
      // A run that fails shows as a process that is dead.
      dead.handle.restart().catch(() => {})
      return { id: 'sandbox.static-back', params: { client: dead.name }, done: true }
    }
    const number = (counts.get(spec.id) ?? 0) + 1
    counts.set(spec.id, number)
    const name = `${spec.prefix}-${number}`
    consumers.push({ name, spec, handle: run(spec, name) })
    return null
  }

  return {
    groups: () => [...known],
    add: (group) => add(SPECS.find(({ id }) => id === group) ?? BILLING),
    addGroup() {
      const spec = SPECS.find(({ id }) => !known.has(id))
      return spec === undefined ? { id: 'sandbox.max-groups', params: { count: SPECS.length } } : add(spec)
    },
    kill(choice) {
      const chosen = choose(choice)
      if (!('handle' in chosen)) return chosen
      chosen.handle.crash()
      const seconds = SESSION_TIMEOUT_MS / 1000
      return { id: 'sandbox.killed', params: { client: chosen.name, seconds }, done: true }
    },
    async stop(choice) {
      const chosen = choose(choice)
      if (!('handle' in chosen)) return chosen
      const { name, spec, handle } = chosen
      if (handle.state === 'frozen') return { id: 'sandbox.frozen-hears-nothing', params: { client: name } }
      await handle.stop()
      if (!spec.isStatic) return null
      return { id: 'sandbox.static-stays', params: { client: name, seconds: SESSION_TIMEOUT_MS / 1000 }, done: true }
    },
    freeze(choice) {
      const chosen = choose(choice)
      if (!('handle' in chosen)) return chosen
      const { name, handle } = chosen
      if (handle.state === 'frozen') {
        handle.thaw()
        return { id: 'sandbox.thawed', params: { client: name }, done: true }
      }
      handle.freeze()
      return { id: 'sandbox.frozen', params: { client: name }, done: true }
    },
    async deleteGroup(group = BILLING.id) {
      const code = await deleteGroup(cluster, group)
      if (code === NON_EMPTY_GROUP) return { id: 'sandbox.group-not-empty', params: { group } }
      if (code === GROUP_ID_NOT_FOUND) return { id: 'sandbox.group-not-found', params: { group } }
      known.delete(group)
      return { id: 'sandbox.group-deleted', params: { group }, done: true }
    },
  }
}

/** The coordinator's error code, 0 when it is gone. */
async function deleteGroup(cluster: Cluster, group: string): Promise<number> {
  const admin = cluster.kafka({ clientId: 'admin', ...CLIENT }).admin()
  try {
    await admin.connect()
    const [result] = await admin.deleteGroups([group])
    return result?.errorCode ?? 0
  } catch (error) {
    const refused = refusalOf(error)
    if (refused === undefined) throw error
    return refused
  } finally {
    await admin.disconnect()
  }
}

/** kafkajs's KafkaJSDeleteGroupsError lists what became of every group. */
function refusalOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('groups' in error) || !Array.isArray(error.groups)) return undefined
  const [first] = error.groups as { readonly errorCode?: number }[]
  return first?.errorCode
}
