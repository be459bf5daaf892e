/** The live cluster behind the sandbox screen: three brokers at wall pace, a topic, and consumers that can die. */
import type { MessageId } from '../../course/i18n/catalog.ts'
import type { Params } from '../../course/i18n/format.ts'
import type { CreateCluster } from '../../course/player.ts'
import { isStory } from '../../course/recorder.ts'
import { memberNames } from '../../course/sentences.ts'
import type { Cluster, ClusterView, TraceEvent } from '../../index.ts'
import type { Target } from '../models/cluster.ts'
import { fault } from './faults.ts'

export interface SandboxSnapshot {
  readonly view: ClusterView
  /** The latest events of the story, oldest first. */
  readonly events: readonly TraceEvent[]
  /** Clients by member id. */
  readonly names: ReadonlyMap<string, string>
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
  | { readonly type: 'add-consumer' | 'kill-consumer' | 'stop-consumer' | 'step' | 'reset' }
  | { readonly type: 'crash' | 'restart' | 'cut' | 'heal'; readonly target: Target }
  | { readonly type: 'pause'; readonly paused: boolean }
  | { readonly type: 'speed'; readonly speed: number }

export interface Sandbox {
  do(action: SandboxAction): Promise<void>
  close(): Promise<void>
}

const TOPIC = 'orders'
const GROUP = 'billing'
const KEPT_EVENTS = 500
const MAX_CONSUMERS = 6
/** How long a record takes to process, in virtual milliseconds: long enough to see lag. */
const WORK_MS = 300
/** Short enough to watch a session time out. */
const SESSION_TIMEOUT_MS = 10_000
/** Screens are refreshed at most this often. */
const REFRESH_MS = 100

export const SANDBOX_WORLD = {
  brokers: 3,
  // Two of three replicas have to have a record before it is acknowledged.
  topics: { [TOPIC]: { partitions: 3, replicationFactor: 3, config: { 'min.insync.replicas': 2 } } },
  config: {
    'group.initial.rebalance.delay.ms': 500,
    'group.min.session.timeout.ms': 1000,
    // Short enough to watch a broker being missed and a follower leaving the in-sync replicas.
    'broker.session.timeout.ms': 3000,
    'replica.lag.time.max.ms': 5000,
  },
} as const

/** Quiet, for a line of a log would stand in the middle of the screen; and patient, for brokers die here. */
const CLIENT = { logLevel: 0, retry: { retries: 1000, maxRetryTime: 2000 } } as const

type Running = ReturnType<Cluster['process']>

/** The story, and what becomes of replicas: only here can learners kill brokers. */
export function isShown(event: TraceEvent): boolean {
  if (isStory(event)) return true
  if (event.type !== 'leader' && event.type !== 'isr' && event.type !== 'truncated') return false
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
      consumers: [] as { name: string; handle: Running }[],
      startedAt: cluster.view().now,
      started: 0,
      produced: 0,
      producer: null as ReturnType<typeof startProducer> | null,
      paused: false,
      speed: 1,
      closed: false,
      notice: null as SandboxSnapshot['notice'],
    }
  }
  type World = typeof world

  function publish(): void {
    const { cluster, events, joins, startedAt, paused, speed, notice } = world
    const view = cluster.view()
    // A paused world that nobody touched does not need another frame.
    const moving = Object.values(view.inFlight).join()
    const mark = `${view.now} ${cluster.trace.count} ${moving} ${view.cuts.length} ${paused} ${speed} ${notice?.id}`
    if (paused && mark === last) return
    last = mark
    show({
      view,
      events: [...events],
      names: memberNames(joins),
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

  /** Waits for virtual time to pass, as work in a handler would. */
  async function work(at: World): Promise<void> {
    let left = WORK_MS
    while (left > 0 && !at.closed) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      if (!at.paused) left -= 20 * at.speed
    }
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

  function addConsumer(at: World): void {
    if (at.consumers.length >= MAX_CONSUMERS) {
      at.notice = { id: 'sandbox.max-consumers', params: { count: MAX_CONSUMERS } }
      return
    }
    at.started += 1
    const name = `consumer-${at.started}`
    const handle = at.cluster.process(name, async ({ newKafka, onStop }) => {
      const consumer = newKafka(CLIENT).consumer({
        groupId: GROUP,
        sessionTimeout: SESSION_TIMEOUT_MS,
        heartbeatInterval: 1_000,
        rebalanceTimeout: 10_000,
        // kafkajs goes to a rebalance only when its long polls are over: short ones keep the screen lively.
        maxWaitTimeInMs: 500,
      })
      onStop(() => consumer.disconnect())
      await consumer.connect()
      await consumer.subscribe({ topic: TOPIC, fromBeginning: true })
      await consumer.run({ eachMessage: () => work(at) })
    })
    at.consumers.push({ name, handle })
  }

  async function removeConsumer(at: World, how: 'kill' | 'stop'): Promise<void> {
    const consumer = at.consumers.pop()
    if (!consumer) {
      at.notice = { id: 'sandbox.no-consumer' }
      return
    }
    if (how === 'kill') consumer.handle.crash()
    else await consumer.handle.stop()
  }

  async function act(action: SandboxAction): Promise<void> {
    const at = world
    at.notice = null
    switch (action.type) {
      case 'produce':
        return produce(at, action.count)
      case 'add-consumer':
        return addConsumer(at)
      case 'kill-consumer':
        return removeConsumer(at, 'kill')
      case 'stop-consumer':
        return removeConsumer(at, 'stop')
      case 'crash':
      case 'restart':
      case 'cut':
      case 'heal':
        at.notice = fault(at.cluster, action.type, action.target)
        return
      case 'pause':
        at.paused = action.paused
        if (action.paused) at.cluster.pause()
        else at.cluster.play()
        return
      case 'speed':
        at.speed = action.speed
        at.cluster.speed = action.speed
        return
      case 'step':
        if (!at.paused) {
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
    addConsumer(at)
    addConsumer(at)
    void produce(at, 9).catch((error: unknown) => fail(at, error))
  }

  async function end(at: World): Promise<void> {
    at.closed = true
    await at.cluster.dispose()
  }

  function fail(at: World, error: unknown): void {
    if (at.closed) return
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
      if (!world.closed) publish()
    },
    async close() {
      clearInterval(refresh)
      await end(world)
    },
  }
}
