/** The live cluster behind the sandbox screen: three brokers at wall pace, a topic, and consumers that can die. */
import type { MessageId } from '../../course/i18n/catalog.ts'
import type { Params } from '../../course/i18n/format.ts'
import type { CreateCluster } from '../../course/player.ts'
import { isStory } from '../../course/recorder.ts'
import { memberNames } from '../../course/sentences.ts'
import type { Cluster, ClusterView, GenerationView, LogEntryView, RecordView, TraceEvent } from '../../index.ts'
import type { Target } from '../models/cluster.ts'
import { CLIENT, type ConsumerChoice, createConsumers, HEARTBEAT_MS, SESSION_TIMEOUT_MS } from './consumers.ts'
import { fault } from './faults.ts'
import { createGroupRecorder } from './group-recorder.ts'
import { createTransactions } from './transactions.ts'

export interface SandboxSnapshot {
  readonly view: ClusterView
  /** The latest events of the story, oldest first. */
  readonly events: readonly TraceEvent[]
  /** Clients by member id. */
  readonly names: ReadonlyMap<string, string>
  /** Every group there is or was, by name; those of the past are gone when they are deleted. */
  readonly groups: readonly string[]
  /** By group: its latest generations, oldest first. */
  readonly histories: ReadonlyMap<string, readonly GenerationView[]>
  /** By group, then `topic-partition`: the next offset for the application. */
  readonly positions: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** The records of `__consumer_offsets`, by partition, then offset. */
  readonly offsets: readonly RecordView[]
  /** By `topic-partition`, without Kafka's own: what is at each offset. */
  readonly logs: ReadonlyMap<string, readonly LogEntryView[]>
  /** Virtual milliseconds since the sandbox was opened. */
  readonly elapsedMs: number
  readonly startedAt: number
  readonly paused: boolean
  readonly speed: number
  /** What the last key did where that is not to be seen at once, or why it did nothing; or null. */
  readonly notice: Notice | null
}

export interface Notice {
  readonly id: MessageId
  readonly params?: Params
  /** True: it was done. */
  readonly done?: boolean
}

export type SandboxAction =
  | { readonly type: 'produce'; readonly count: number }
  | { readonly type: 'add-consumer' | 'delete-group'; readonly group?: string }
  | ({ readonly type: 'kill-consumer' | 'stop-consumer' | 'freeze-consumer' } & ConsumerChoice)
  | { readonly type: 'add-group' | 'step' | 'reset' }
  | { readonly type: 'begin' | 'write' | 'commit' | 'abort' | 'kill-producer' }
  | { readonly type: 'crash' | 'restart' | 'cut' | 'heal'; readonly target: Target }
  | { readonly type: 'pause'; readonly paused: boolean }
  | { readonly type: 'speed'; readonly speed: number }

export interface Sandbox {
  do(action: SandboxAction): Promise<void>
  close(): Promise<void>
}

const TOPIC = 'orders'
const KEPT_EVENTS = 500
/** How long a record takes to process, in virtual milliseconds: long enough to see lag. */
const WORK_MS = 300
/** Screens are refreshed at most this often. */
const REFRESH_MS = 100

export const SANDBOX_WORLD = {
  brokers: 3,
  // Two of three replicas have to have a record before it is acknowledged.
  topics: { [TOPIC]: { partitions: 3, replicationFactor: 3, config: { 'min.insync.replicas': 2 } } },
  config: {
    'group.initial.rebalance.delay.ms': 500,
    'group.min.session.timeout.ms': 1000,
    'group.consumer.min.session.timeout.ms': SESSION_TIMEOUT_MS,
    'group.consumer.session.timeout.ms': SESSION_TIMEOUT_MS,
    'group.consumer.min.heartbeat.interval.ms': HEARTBEAT_MS,
    'group.consumer.heartbeat.interval.ms': HEARTBEAT_MS,
    // Short enough to watch a broker being missed and a follower leaving the in-sync replicas.
    'broker.session.timeout.ms': 3000,
    'replica.lag.time.max.ms': 5000,
    // The active segment is never compacted: a new one a minute, and the offsets topic is seen to be.
    'log.roll.ms': 60_000,
    // A transaction that has taken too long is aborted within a second.
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1000,
  },
} as const

const IN_TOPICS: ReadonlySet<TraceEvent['type']> = new Set(['leader', 'isr', 'truncated', 'marker'])

/** The story, what becomes of replicas, and transactions: only here can learners kill brokers, and end what they begin. */
export function isShown(event: TraceEvent): boolean {
  if (isStory(event) || event.type === 'transaction' || event.type === 'transaction.timeout') return true
  if (!IN_TOPICS.has(event.type) || !('topic' in event)) return false
  return !event.topic.startsWith('__')
}

export function openSandbox(createCluster: CreateCluster, show: (snapshot: SandboxSnapshot) => void): Sandbox {
  let world = start()
  const refresh = setInterval(publish, REFRESH_MS)
  let last = ''

  function start() {
    const cluster = createCluster({ ...SANDBOX_WORLD, time: 'wall', trace: 2_000 })
    const events: TraceEvent[] = []
    const joins: TraceEvent[] = []
    const pace = { paused: false, speed: 1, closed: false }
    const recorder = createGroupRecorder(cluster)
    cluster.trace.onEvent((event) => {
      if (event.type === 'group.join') joins.push(event)
      if (!isShown(event)) return
      events.push(event)
      if (events.length > KEPT_EVENTS) events.shift()
    })
    return {
      cluster,
      events,
      joins,
      recorder,
      pace,
      consumers: createConsumers(cluster, () => work(pace)),
      transactions: createTransactions(cluster),
      startedAt: cluster.view().now,
      produced: 0,
      producer: null as ReturnType<typeof startProducer> | null,
      notice: null as SandboxSnapshot['notice'],
    }
  }
  type World = typeof world

  function publish(): void {
    const { cluster, events, joins, recorder, consumers, startedAt, notice } = world
    const { paused, speed } = world.pace
    const view = cluster.view()
    // A paused world that nobody touched does not need another frame.
    const moving = Object.values(view.inFlight).join()
    const mark = `${view.now} ${cluster.trace.count} ${moving} ${view.cuts.length} ${paused} ${speed} ${JSON.stringify(notice)}`
    if (paused && mark === last) return
    last = mark
    show({
      view,
      events: [...events],
      names: memberNames(joins),
      ...recorder.record(view, consumers.groups()),
      elapsedMs: view.now - startedAt,
      startedAt,
      paused,
      speed,
      notice,
    })
  }

  async function startProducer(cluster: Cluster) {
    const producer = cluster.kafka({ clientId: 'shop', ...CLIENT }).producer()
    await producer.connect()
    return producer
  }

  async function produce(at: World, count: number): Promise<void> {
    const messages = Array.from({ length: count }, () => {
      at.produced += 1
      return { key: `customer-${at.produced % 7}`, value: `order ${at.produced}` }
    })
    at.producer ??= startProducer(at.cluster)
    // One that could not connect is no producer: the next record gets another.
    at.producer.catch(() => {
      at.producer = null
    })
    const producer = await at.producer
    await producer.send({ topic: TOPIC, messages })
  }

  async function act(action: SandboxAction): Promise<void> {
    const at = world
    at.notice = null
    switch (action.type) {
      case 'produce':
        return produce(at, action.count)
      case 'add-consumer':
        at.notice = at.consumers.add(action.group)
        return
      case 'add-group':
        at.notice = at.consumers.addGroup()
        return
      case 'kill-consumer':
        at.notice = at.consumers.kill(action)
        return
      case 'stop-consumer':
        at.notice = await at.consumers.stop(action)
        return
      case 'freeze-consumer':
        at.notice = at.consumers.freeze(action)
        return
      case 'delete-group':
        at.notice = await at.consumers.deleteGroup(action.group)
        return
      case 'begin':
        at.notice = await at.transactions.begin()
        return
      case 'write':
        at.notice = await at.transactions.write()
        return
      case 'commit':
      case 'abort':
        at.notice = await at.transactions.end(action.type)
        return
      case 'kill-producer':
        at.notice = at.transactions.kill()
        return
      case 'crash':
      case 'restart':
      case 'cut':
      case 'heal':
        at.notice = fault(at.cluster, action.type, action.target)
        return
      case 'pause':
        at.pace.paused = action.paused
        if (action.paused) at.cluster.pause()
        else at.cluster.play()
        return
      case 'speed':
        at.pace.speed = action.speed
        at.cluster.speed = action.speed
        return
      case 'step':
        if (!at.pace.paused) {
          at.notice = { id: 'sandbox.pause-first' }
          return
        }
        at.cluster.step()
        // What clients send because of it belongs to the picture.
        await new Promise((resolve) => setTimeout(resolve, 0))
        return
      case 'reset':
        await end(at)
        world = start()
        begin(world)
    }
  }

  /** Alive before the first key. */
  function begin(at: World): void {
    at.consumers.add()
    at.consumers.add()
    void produce(at, 9).catch((error: unknown) => fail(at, error))
  }

  async function end(at: World): Promise<void> {
    at.pace.closed = true
    await at.cluster.dispose()
  }

  function fail(at: World, error: unknown): void {
    if (at.pace.closed) return
    at.notice = { id: 'sandbox.failed', params: { error: error instanceof Error ? error.message : String(error) } }
  }

  begin(world)
  publish()
  return {
    async do(action) {
      const at = world
      try {
        await act(action)
      } catch (error) {
        fail(at, error)
      }
      if (!world.pace.closed) publish()
    },
    async close() {
      clearInterval(refresh)
      await end(world)
    },
  }
}

/** Waits for virtual time to pass, as work in a handler would. */
async function work(pace: {
  readonly paused: boolean
  readonly speed: number
  readonly closed: boolean
}): Promise<void> {
  let left = WORK_MS
  while (left > 0 && !pace.closed) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    if (!pace.paused) left -= 20 * pace.speed
  }
}
