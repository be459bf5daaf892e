/**
 * The cluster a user holds: creation, time, inspection, processes, faults, disposal. It knows no client: the composition
 * root hands in how one is made, so that any client over `Transport` works.
 */
import { isInternal } from '../broker/index.ts'
import { benignChooser, type Choices, seededChooser, type TraceEvent, traceEvents, traceHash } from '../kernel/index.ts'
import { makeCreatableTopic, makeCreatableTopicConfig, makeCreateTopicsRequest } from '../protocol/make.ts'
import type { Transport } from '../protocol/transport.ts'
import { type Duration, durationText, milliseconds } from './duration.ts'
import { DeadlockError, KafkariumError } from './errors.ts'
import type { ClusterHost } from './host.ts'
import { groupView, nodeViews, recordViews, topicViews, viewOf } from './inspect.ts'
import { violationIn } from './laws.ts'
import { crashNode, createTopicsAtStart, registerAtStart, restartNode } from './nodes.ts'
import type { ClusterOptions } from './options.ts'
import { type ParsedOptions, parseOptions } from './parse-options.ts'
import { describeNext } from './pending.ts'
import { createProcess, type Process } from './process.ts'
import { createProcessHandle, type ProcessHandle, type ProcessMain } from './process-handle.ts'
import { createTestProducer, type ProduceMessage, type RecordPosition, type TestProducer } from './produce.ts'
import { createPump, disposedError, type Pump } from './pump.ts'
import { createTransport } from './transport.ts'
import type { ClusterView, GroupView, NodeView, PartitionView, RecordView, TopicView, TraceListener } from './view.ts'
import { arm, createWorld, type NodeRuntime, note, type OpenCall, type World } from './world.ts'

/** How the composition root makes a client. */
export type MakeKafka<K, C> = (transport: Transport, defaults: KafkaDefaults, config: C | undefined) => K

export interface KafkaDefaults {
  readonly clientId: string
  readonly brokers: readonly string[]
}

export interface Cluster<K, C> {
  /** A client of this cluster with the kafkajs API. `brokers` and a client id are filled in. */
  kafka(config?: C): K
  /** Runs a piece of application code as a process that can die: see `ProcessHandle`. */
  process(name: string, main: ProcessMain<K, C>): ProcessHandle
  /**
   * Writes records over the wire, for tests that do not care about producers. Strings are values. In `auto` what is on its
   * way arrives first, so that a consumer that has just begun to run is really there.
   */
  produce(topic: string, messages: readonly (string | ProduceMessage)[]): Promise<RecordPosition[]>
  topic(name: string): TopicHandle
  group(id: string): GroupHandle
  nodes(): NodeView[]
  /** Addresses for `new Kafka({ brokers })`. */
  readonly brokers: readonly string[]
  /** An immutable copy of everything a screen may show. */
  view(): ClusterView

  /** Virtual milliseconds since the Unix epoch. */
  readonly now: number
  /** Moves virtual time on by exactly this long; everything due on the way happens. */
  advance(duration: Duration): Promise<void>
  /** Runs until nothing is under way or bound to happen by itself. */
  settle(): Promise<void>
  /** Runs, merely ticking timers included, until the predicate holds; it is asked after every event. */
  until(predicate: () => boolean, options?: { readonly within?: Duration; readonly what?: string }): Promise<void>
  /** Runs one event, whatever its kind; false when there is none. For `manual` and a paused `wall`. */
  step(): boolean
  /** `wall` only: stops and restarts the clock. */
  pause(): void
  play(): void
  readonly paused: boolean
  /** `wall` only: virtual milliseconds per real one. */
  speed: number
  /** What is armed, soonest first, in words. */
  pendingTimers(): string[]

  readonly faults: Faults
  readonly trace: TraceHandle
  /** Puts a line of your own into the trace. */
  mark(text: string): void
  /** What made this run unrepeatable, or null. */
  readonly taint: string | null
  /** Back to the first moment: topics as configured, no groups, no records, the seed's first choice. Old clients are dead. */
  reset(): void
  readonly disposed: boolean
  /** Ends everything. Using the cluster or its clients afterwards is an error. */
  dispose(): Promise<void>
  [Symbol.dispose](): void
  [Symbol.asyncDispose](): Promise<void>
}

export interface Faults {
  /** A broker process dies; its log survives. Its clients lose their connections at once, the controller notices later. */
  crash(node: number): void
  restart(node: number): void
}

export interface TraceHandle {
  /** The kept events, oldest first: all of them with `trace: 'full'`. */
  events(): readonly TraceEvent[]
  /** Covers everything that happened since the start. Same seed, same program: same hash. */
  readonly hash: string
  /** How many events there were. */
  readonly count: number
  /** Calls the listener with every event from now on; answers its remover. */
  onEvent(listener: TraceListener): () => void
  /** What the seed decided, for a replay. */
  choices(): Choices
}

export interface TopicHandle {
  readonly name: string
  readonly partitions: readonly PartitionView[]
  /** All records, by partition, then offset. Those of internal topics are decoded. */
  records(partition?: number): RecordView[]
  /** The next record nobody has taken with `next` yet, in order of offset, lowest partition first; waits for one. */
  next(options?: { readonly within?: Duration }): Promise<RecordView>
}

export interface GroupHandle {
  readonly id: string
  /** Null while nobody has heard of the group. */
  view(): GroupView | null
  /** Committed offset: the next to read. -1 = none. */
  committed(topic: string, partition: number): number
  /** Records behind the high watermark over all partitions with a commit. */
  lag(): number
  /** Runs until the group is Stable, with this many members if given. */
  stable(options?: { readonly members?: number; readonly within?: Duration }): Promise<void>
}

export function createClusterCore<K, C extends { clientId?: string | undefined }>(
  options: ClusterOptions,
  host: ClusterHost,
  makeKafka: MakeKafka<K, C>,
): Cluster<K, C> {
  const parsed = parseOptions(options, host)
  let world!: World
  let pump!: Pump
  let main!: Process
  let testProducer: TestProducer | null = null
  let taken = new Map<string, number>()
  let stopWarning: (() => void) | null = null
  let warned = false
  let broken: KafkariumError | null = null

  start()
  const removeExit = host.onExit((code) => {
    if (world.disposed) return
    const open = [...world.calls].filter((call) => !call.waitsForUser)
    if (code !== 13 && open.length === 0) return
    host.warn(standstill('The program ended while something still waited for the cluster'))
  })

  const cluster: Cluster<K, C> = {
    kafka(config) {
      enter('cluster.kafka')
      return newKafka(main, config)
    },
    process(name, mainFunction) {
      enter('cluster.process')
      if (world.processes.has(name)) {
        throw new KafkariumError(
          'KAFKARIUM_WRONG_STATE',
          `cluster.process: there is a process "${name}" already. Use its restart(), or another name.`,
        )
      }
      return createProcessHandle(world, pump, name, mainFunction, newKafka)
    },
    produce(topic, messages) {
      enter('cluster.produce')
      testProducer ??= createTestProducer(world, createTransport(world, pump, main, 'test'))
      const { produce } = testProducer
      return asCall(
        'cluster.produce',
        arrived().then(() => produce(topic, messages)),
      )
    },
    topic: (name) => topicHandle(name),
    group: (id) => groupHandle(id),
    nodes: () => nodeViews(world),
    get brokers() {
      return addresses()
    },
    view: () => viewOf(world),
    get now() {
      if (!world.disposed && world.mode === 'wall') enter('cluster.now')
      return world.now
    },
    advance(duration) {
      const ms = milliseconds(duration, 'advance')
      enter('cluster.advance')
      return new Promise((resolve, reject) => {
        const target = world.now + ms
        pump.allowedUntil = Math.max(pump.allowedUntil, target)
        arm(world, ms, 'work', {
          type: 'control',
          label: 'the end of advance',
          run: () => (broken === null ? resolve() : reject(broken)),
        })
        pump.wake()
      })
    },
    settle() {
      enter('cluster.settle')
      return waitFor('cluster.settle', () => pump.quiet(), world.deadlineMs, 'settle')
    },
    until(predicate, untilOptions) {
      enter('cluster.until')
      const within = milliseconds(untilOptions?.within ?? parsed.deadlineMs, 'within')
      return waitFor(untilOptions?.what ?? 'cluster.until', predicate, within, 'drive')
    },
    step() {
      enter('cluster.step')
      return pump.stepOne()
    },
    pause() {
      needWall('pause')
      pump.setPaused(true)
    },
    play() {
      needWall('play')
      pump.setPaused(false)
    },
    get paused() {
      return pump.clock.paused
    },
    get speed() {
      return pump.clock.speed
    },
    set speed(value: number) {
      needWall('speed')
      if (!(value > 0 && Number.isFinite(value))) {
        throw new KafkariumError('KAFKARIUM_BAD_OPTION', `speed: ${value} is out of range. Allowed: numbers above 0.`)
      }
      pump.setSpeed(value)
    },
    pendingTimers: () => describeNext(world, 100),
    faults: {
      crash(id) {
        const node = nodeOf(id, 'faults.crash')
        if (!node.up) throw new KafkariumError('KAFKARIUM_WRONG_STATE', `faults.crash: broker ${id} is down already.`)
        crashNode(world, node)
        pump.wake()
      },
      restart(id) {
        const node = nodeOf(id, 'faults.restart')
        if (node.up) throw new KafkariumError('KAFKARIUM_WRONG_STATE', `faults.restart: broker ${id} is up already.`)
        restartNode(world, node)
        pump.wake()
      },
    },
    trace: {
      events: () => traceEvents(world.trace),
      get hash() {
        return traceHash(world.trace)
      },
      get count() {
        return world.trace.count
      },
      onEvent(listener) {
        const { listeners } = world.trace
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
      choices: () => world.chooser.choices(),
    },
    mark(text) {
      enter('cluster.mark')
      note(world, { type: 'mark', text })
    },
    get taint() {
      return world.taint
    },
    reset() {
      enter('cluster.reset')
      end()
      start()
    },
    get disposed() {
      return world.disposed
    },
    async dispose() {
      stop()
    },
    [Symbol.dispose]: stop,
    async [Symbol.asyncDispose]() {
      stop()
    },
  }
  return cluster

  function start(): void {
    broken = null
    testProducer = null
    taken = new Map()
    world = createWorld({
      host,
      brokers: parsed.brokers,
      config: parsed.config,
      zooKeeper: parsed.zooKeeper,
      mode: parsed.mode,
      epoch: parsed.epoch,
      patienceMs: parsed.patienceMs,
      deadlineMs: parsed.deadlineMs,
      strict: parsed.strict,
      chooser: parsed.seed === null ? benignChooser() : seededChooser(parsed.seed),
      seeded: parsed.seed !== null,
      traceCapacity: parsed.traceCapacity,
    })
    pump = createPump(world, parsed.speed)
    main = createProcess('test')
    for (const node of world.nodes.values()) registerAtStart(world, node)
    createTopics(world, parsed)
    if (parsed.laws) world.afterEvent.add(checkLaws)
    pump.idle.add(noticeStandstill)
    pump.wake()
  }

  function end(): void {
    stopWarning?.()
    stopWarning = null
    world.disposed = true
    world.queue.heap.length = 0
    world.calls.clear()
    for (const process of world.processes.values()) process.state = 'ended'
    main.state = 'ended'
  }

  function stop(): void {
    if (world.disposed) return
    end()
    removeExit()
  }

  function enter(what: string): void {
    if (world.disposed) throw disposedError(what)
    if (broken !== null) throw broken
    pump.enter(what)
    world.lastProgress = world.now
  }

  function needWall(what: string): void {
    enter(`cluster.${what}`)
    if (world.mode === 'wall') return
    throw new KafkariumError(
      'KAFKARIUM_WRONG_STATE',
      `cluster.${what}: only with createCluster({ time: 'wall' }); this cluster runs in '${world.mode}'.`,
    )
  }

  function newKafka(process: Process, config: C | undefined): K {
    const clientId = config?.clientId ?? (process === main ? 'kafkarium' : process.name)
    return makeKafka(createTransport(world, pump, process, clientId), { clientId, brokers: addresses() }, config)
  }

  function addresses(): string[] {
    return [...world.nodes.values()].map((node) => `${node.host}:${node.port}`)
  }

  function nodeOf(id: number, what: string): NodeRuntime {
    enter(what)
    const node = world.nodes.get(id)
    if (node !== undefined) return node
    throw new KafkariumError(
      'KAFKARIUM_UNKNOWN_NODE',
      `${what}: there is no broker ${id}. Brokers: ${[...world.nodes.keys()].join(', ')}.`,
    )
  }

  /** Keeps time moving while the cluster's own call is open. */
  function asCall<T>(label: string, result: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const { calls } = world
      const call: OpenCall = {
        label,
        process: main,
        since: world.now,
        deadline: world.now + world.deadlineMs,
        waitsForUser: false,
        onDeadline: reject,
      }
      calls.add(call)
      pump.wake()
      result.then(resolve, reject).finally(() => {
        calls.delete(call)
        world.lastProgress = world.now
      })
    })
  }

  /**
   * Settles when no message is on its way any more, at most a virtual second later. A consumer whose `run()` has resolved
   * still asks where to begin; a record written before that would be missed by a group that begins at the end.
   */
  function arrived(): Promise<void> {
    if (world.mode !== 'auto' || world.queue.workCount === 0) return Promise.resolve()
    const latest = world.now + ARRIVAL_MS
    const { queue } = world
    const { settled } = pump
    return new Promise((resolve) => {
      const check = () => {
        if (queue.workCount > 0 && world.now < latest) return
        settled.delete(check)
        world.touched = true
        resolve()
      }
      settled.add(check)
      pump.wake()
    })
  }

  /** `drive` runs everything, `settle` only what may run by itself. */
  function waitFor(what: string, done: () => boolean, withinMs: number, how: 'drive' | 'settle'): Promise<void> {
    const { afterEvent } = world
    // Where the caller stands: by the time it fails, the stack is the pump's.
    const called = new Error().stack?.split('\n').slice(2).join('\n') ?? ''
    return new Promise((resolve, reject) => {
      if (how === 'drive' && done()) return resolve()
      const over = arm(world, withinMs, 'daemon', {
        type: 'control',
        label: `the deadline of ${what}`,
        run: () => {
          finish()
          const open = [...world.calls].map(({ label }) => label).join(', ') || 'none'
          const next = describeNext(world, 5).join('; ') || 'none'
          const error = new DeadlockError(
            `${what}: not within ${durationText(withinMs)} of virtual time.\n  open calls: ${open}\n  next timers: ${next}`,
            [what],
          )
          error.stack = `${error.name}: ${error.message}\n${called}`
          reject(broken ?? error)
        },
      })
      const check = (): boolean => {
        let reached = false
        try {
          reached = broken !== null || done()
        } catch (error) {
          finish()
          reject(error)
          return true
        }
        if (!reached) return false
        finish()
        world.touched = true
        if (broken === null) resolve()
        else reject(broken)
        return true
      }
      const afterOne = () => void check()
      const finish = () => {
        pump.disarm(over)
        afterEvent.delete(afterOne)
        pump.idle.delete(check)
        if (how === 'drive') pump.drivers -= 1
        else pump.settlers -= 1
      }
      if (how === 'drive') {
        pump.drivers += 1
        afterEvent.add(afterOne)
      } else pump.settlers += 1
      pump.idle.add(check)
      pump.wake()
    })
  }

  function topicHandle(name: string): TopicHandle {
    const find = (): TopicView => {
      const topic = topicViews(world).find((candidate) => candidate.name === name)
      if (topic !== undefined) return topic
      const known = [...world.controller.image.topics.keys()].filter((other) => !isInternal(other))
      throw new KafkariumError(
        'KAFKARIUM_UNKNOWN_TOPIC',
        `There is no topic "${name}". Known: ${known.join(', ') || 'none'}.`,
      )
    }
    const nextUntaken = (): RecordView | undefined => {
      for (const { partition } of world.controller.image.topics.has(name) ? find().partitions : []) {
        const from = taken.get(`${name}-${partition}`) ?? 0
        const record = recordViews(world, name, partition, from)[0]
        if (record !== undefined) return record
      }
      return undefined
    }
    return {
      name,
      get partitions() {
        return find().partitions
      },
      records(partition) {
        const partitions = find().partitions.map((view) => view.partition)
        if (partition === undefined) return partitions.flatMap((index) => recordViews(world, name, index))
        if (partitions.includes(partition)) return recordViews(world, name, partition)
        throw new KafkariumError(
          'KAFKARIUM_UNKNOWN_TOPIC',
          `Topic "${name}" has the partitions 0 to ${partitions.length - 1}, not ${partition}.`,
        )
      },
      async next(nextOptions) {
        enter('topic.next')
        let record = nextUntaken()
        if (record === undefined) {
          const within = milliseconds(nextOptions?.within ?? parsed.deadlineMs, 'within')
          await waitFor(`the next record of "${name}"`, () => nextUntaken() !== undefined, within, 'drive')
          record = nextUntaken() as RecordView
        }
        taken.set(`${name}-${record.partition}`, record.offset + 1)
        return record
      },
    }
  }

  function groupHandle(id: string): GroupHandle {
    return {
      id,
      view: () => groupView(world, id),
      committed: (topic, partition) =>
        groupView(world, id)?.offsets.find((entry) => entry.topic === topic && entry.partition === partition)
          ?.committed ?? -1,
      lag: () => (groupView(world, id)?.offsets ?? []).reduce((sum, entry) => sum + (entry.lag ?? 0), 0),
      stable(stableOptions) {
        enter('group.stable')
        const wanted = stableOptions?.members
        const within = milliseconds(stableOptions?.within ?? parsed.deadlineMs, 'within')
        const what = `group "${id}" to be stable${wanted === undefined ? '' : ` with ${wanted} members`}`
        return waitFor(what, () => isStable(id, wanted), within, 'drive')
      },
    }
  }

  function isStable(id: string, wanted: number | undefined): boolean {
    const group = groupView(world, id)
    if (group === null || group.state !== 'Stable') return false
    return wanted === undefined || group.members.length === wanted
  }

  function checkLaws(): void {
    if (broken !== null) return
    const violation = violationIn(world)
    if (violation === null) return
    note(world, { type: 'law.broken', ...violation })
    broken = new KafkariumError(
      'KAFKARIUM_LAW_BROKEN',
      `Law ${violation.law} is broken: ${violation.sentence}\n  ${violation.detail}\n` +
        '  This is a defect of kafkarium, not of your program: please report it with the seed and the trace.',
    )
    for (const call of world.calls) call.onDeadline?.(broken)
    world.calls.clear()
    world.touched = true
  }

  /** When time stands still and a consumer is running, a test may be waiting for what will never come by itself. */
  function noticeStandstill(): boolean {
    stopWarning?.()
    stopWarning = null
    if (world.mode !== 'auto' || warned || world.disposed) return false
    const ran = world.eventsRun
    stopWarning = host.later(STANDSTILL_MS, false, () => {
      stopWarning = null
      if (world.disposed || warned || pump.running() || world.eventsRun !== ran) return
      if (!viewOf(world).groups.some((group) => group.members.length > 0)) return
      warned = true
      host.warn(standstill('Virtual time stands still: nothing is under way and only timers that merely tick are left'))
    })
    return false
  }

  function standstill(why: string): string {
    const open = [...world.calls].map(({ label }) => label)
    return (
      `[kafkarium] ${why}.` +
      (open.length > 0 ? ` Open calls: ${open.join(', ')}.` : '') +
      ` Next: ${describeNext(world, 3).join('; ') || 'nothing'}.` +
      ' To move time: await cluster.advance(…), cluster.until(…) or cluster.group(…).stable(). When you are done: cluster.dispose().'
    )
  }
}

/** How long `cluster.produce` lets messages under way arrive first. Virtual milliseconds. */
const ARRIVAL_MS = 1000

/** After this long without an event, one line says that time stands still. Real milliseconds. */
const STANDSTILL_MS = 3000

/** Topics exist from the first moment, without the network; one after the other, so that each is checked against the last. */
function createTopics(world: World, parsed: ParsedOptions): void {
  for (const { name, partitions, config } of parsed.topics) {
    const topic = makeCreatableTopic({
      name,
      numPartitions: partitions,
      replicationFactor: 1,
      configs: Object.entries(config).map(([key, value]) => makeCreatableTopicConfig({ name: key, value })),
    })
    const [result] = createTopicsAtStart(world, makeCreateTopicsRequest({ topics: [topic] })).topics
    if (result !== undefined && result.errorCode !== 0) {
      throw new KafkariumError(
        'KAFKARIUM_BAD_OPTION',
        `topics.${name}: ${result.errorMessage ?? `error ${result.errorCode}`}`,
      )
    }
  }
}
