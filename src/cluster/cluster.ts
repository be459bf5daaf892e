/**
 * The cluster a user holds: creation, time, inspection, processes, faults, disposal. It knows no client: the composition
 * root hands in how one is made, so that any client over `Transport` works.
 */
import { isInternal } from '../broker/index.ts'
import {
  benignChooser,
  type Choices,
  type QueuedEvent,
  seededChooser,
  type TraceEvent,
  traceEvents,
  traceHash,
} from '../kernel/index.ts'
import { makeCreatableTopic, makeCreatableTopicConfig, makeCreateTopicsRequest } from '../protocol/make.ts'
import type { Transport } from '../protocol/transport.ts'
import { type Duration, durationText, milliseconds } from './duration.ts'
import { DeadlockError, KafkariumError } from './errors.ts'
import type { ClusterHost } from './host.ts'
import { firstRecord, groupView, nodeViews, recordViews, topicViews, viewOf } from './inspect.ts'
import { violationIn } from './laws.ts'
import { crashNode, createTopicsAtStart, registerAtStart, restartNode } from './nodes.ts'
import type { ClusterOptions } from './options.ts'
import { type ParsedOptions, parseOptions } from './parse-options.ts'
import { describeHandlers, describeNext, describeWaiting } from './pending.ts'
import { createProcess, type Process } from './process.ts'
import { createProcessHandle, type ProcessHandle, type ProcessMain } from './process-handle.ts'
import { createTestProducer, type ProduceMessage, type RecordPosition, type TestProducer } from './produce.ts'
import { createPump, disposedError, type Pump } from './pump.ts'
import { createTransport } from './transport.ts'
import type { ClusterView, GroupView, NodeView, PartitionView, RecordView, TopicView, TraceListener } from './view.ts'
import { arm, createWorld, type NodeRuntime, note, type OpenCall, type Task, type World } from './world.ts'

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
  /** The cluster's own promises under way: whoever awaits them is told when it ends. */
  let waits = new Set<(error: Error) => void>()
  const listeners = new Set<TraceListener>()

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
      const target = world.now + ms
      pump.allowedUntil = Math.max(pump.allowedUntil, target)
      return wait((resolve, reject) => {
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
      events: () => traceEvents(world.trace).map((event) => Object.freeze(event)),
      get hash() {
        return traceHash(world.trace)
      },
      get count() {
        return world.trace.count
      },
      onEvent(listener) {
        listeners.add(listener)
        world.trace.listeners.add(tellListeners)
        return () => {
          listeners.delete(listener)
          if (listeners.size === 0) world.trace.listeners.delete(tellListeners)
        }
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
    waits = new Set()
    if (listeners.size > 0) world.trace.listeners.add(tellListeners)
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
    pump.stop()
    world.queue.heap.length = 0
    world.calls.clear()
    for (const reject of waits) reject(disposedError('a wait for the cluster'))
    waits.clear()
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

  function newKafka(process: Process, config: C | undefined, incarnation: number = process.incarnation): K {
    const clientId = config?.clientId ?? (process === main ? 'kafkarium' : process.name)
    return makeKafka(
      createTransport(world, pump, process, clientId, incarnation),
      { clientId, brokers: addresses() },
      config,
    )
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
    const { calls } = world
    return wait((resolve, reject) => {
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
      const end = () => {
        calls.delete(call)
        world.lastProgress = world.now
      }
      result.then(
        (value) => {
          end()
          resolve(value)
        },
        (error: unknown) => {
          end()
          reject(error as Error)
        },
      )
    })
  }

  /** A promise of the cluster's own. It rejects when the cluster ends first, without a fuss if nobody awaits it. */
  function wait<T>(begin: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    const known = waits
    const promise = new Promise<T>((resolve, reject) => {
      const ended = (error: Error) => {
        promise.catch(() => {})
        reject(error)
      }
      known.add(ended)
      begin(
        (value) => {
          known.delete(ended)
          resolve(value)
        },
        (error) => {
          known.delete(ended)
          reject(error)
        },
      )
    })
    return promise
  }

  /**
   * Settles when no message is on its way any more, at most a virtual second later. A consumer whose `run()` has resolved
   * still asks where to begin; a record written before that would be missed by a group that begins at the end.
   */
  function arrived(): Promise<void> {
    const { queue } = world
    const underWay = () => queue.heap.some(({ kind, payload }) => kind === 'work' && payload.type !== 'control')
    if (world.mode !== 'auto' || !underWay()) return Promise.resolve()
    const { settled } = pump
    return wait((resolve) => {
      const done = () => {
        settled.delete(check)
        pump.disarm(latest)
        world.touched = true
        resolve()
      }
      const check = () => {
        if (!underWay()) done()
      }
      const latest = arm(world, ARRIVAL_MS, 'work', {
        type: 'control',
        label: 'cluster.produce stops waiting',
        run: done,
      })
      settled.add(check)
      pump.wake()
    })
  }

  /** `drive` runs everything, `settle` only what may run by itself. */
  function waitFor(
    what: string,
    done: () => boolean,
    withinMs: number,
    how: 'drive' | 'settle',
    hint?: () => string,
  ): Promise<void> {
    if (world.mode === 'wall' && pump.clock.paused) {
      throw new KafkariumError(
        'KAFKARIUM_WRONG_STATE',
        `${what}: the cluster is paused. Call play() first, or move it with step() or advance(…).`,
      )
    }
    // Where the caller stands: by the time it fails, the stack is the pump's.
    const called = new Error().stack?.split('\n').slice(2).join('\n') ?? ''
    return wait((resolve, reject) => {
      const reached = (): boolean => {
        const answer: unknown = broken !== null || done()
        if (typeof answer === 'object' && answer !== null && 'then' in answer) {
          throw new KafkariumError(
            'KAFKARIUM_BAD_OPTION',
            `${what}: the predicate answers a promise. It is asked after every event and must answer true or false at once.`,
          )
        }
        return answer === true
      }
      let over: QueuedEvent<Task> | null = null
      let tick: QueuedEvent<Task> | null = null
      const finish = () => {
        if (over !== null) pump.disarm(over)
        if (tick !== null) pump.disarm(tick)
        pump.settled.delete(check)
        pump.idle.delete(check)
        if (how === 'drive') pump.drivers -= 1
        else pump.settlers -= 1
      }
      const check = (): boolean => {
        try {
          if (!reached()) return false
        } catch (error) {
          finish()
          reject(error as Error)
          return true
        }
        finish()
        world.touched = true
        if (broken === null) resolve()
        else reject(broken)
        return true
      }
      if (how === 'drive') pump.drivers += 1
      else pump.settlers += 1
      if (how === 'drive' && check()) return
      over = arm(world, withinMs, 'daemon', {
        type: 'control',
        label: `the deadline of ${what}`,
        run: () => {
          if (check()) return
          finish()
          const open = [...world.calls].map(({ label }) => label).join(', ') || 'none'
          const more = hint?.() ?? ''
          const error = new DeadlockError(
            `${what}: not within ${durationText(withinMs)} of virtual time.${more}\n  open calls: ${open}\n${describeWaiting(world).trimEnd()}`,
            [what],
          )
          error.stack = `${error.name}: ${error.message}\n${called}`
          reject(error)
        },
      })
      if (how === 'drive') {
        // A predicate over the time alone changes without an event: it is asked every so often.
        const again = () => {
          tick = arm(world, TICK_MS, 'daemon', { type: 'control', label: `${what} looks again`, run: again })
        }
        again()
        pump.settled.add(check)
      }
      pump.idle.add(check)
      pump.wake()
    })
  }

  function tellListeners(event: TraceEvent): void {
    for (const listener of listeners) {
      try {
        listener(Object.freeze(event))
      } catch (error) {
        // It must not take part in what it watches.
        host.warn(`[kafkarium] a trace listener threw: ${String(error)}`)
      }
    }
  }

  function topicHandle(name: string): TopicHandle {
    const find = (): TopicView => {
      const topic = topicViews(world).find((candidate) => candidate.name === name)
      if (topic !== undefined) return topic
      throw new KafkariumError('KAFKARIUM_UNKNOWN_TOPIC', `There is no topic "${name}". Known: ${knownTopics()}.`)
    }
    const nextUntaken = (): RecordView | undefined => {
      const partitions = world.controller.image.topics.get(name)?.partitions.length ?? 0
      for (let partition = 0; partition < partitions; partition++) {
        const record = firstRecord(world, name, partition, taken.get(`${name}-${partition}`) ?? 0)
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
        const within = milliseconds(nextOptions?.within ?? parsed.deadlineMs, 'within')
        const hint = () =>
          world.controller.image.topics.has(name) ? '' : ` There is no such topic; known: ${knownTopics()}.`
        for (;;) {
          const record = nextUntaken()
          if (record !== undefined) {
            taken.set(`${name}-${record.partition}`, record.offset + 1)
            return record
          }
          // Somebody else may take it first: then this one waits on.
          await waitFor(`the next record of "${name}"`, () => nextUntaken() !== undefined, within, 'drive', hint)
        }
      },
    }
  }

  function knownTopics(): string {
    return [...world.controller.image.topics.keys()].filter((other) => !isInternal(other)).join(', ') || 'none'
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
        return waitFor(
          what,
          () => isStable(id, wanted),
          within,
          'drive',
          () => groupHint(id),
        )
      },
    }
  }

  function groupHint(id: string): string {
    const group = groupView(world, id)
    if (group !== null)
      return ` It is ${group.state} with ${group.members.length} members, generation ${group.generation}.`
    const known = viewOf(world).groups.map((other) => other.id)
    return ` Nobody has heard of it; known: ${known.join(', ') || 'none'}.`
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
    const running = describeHandlers(world)
    return (
      `[kafkarium] ${why}.` +
      (open.length > 0 ? ` Open calls: ${open.join(', ')}.` : '') +
      (running.length > 0 ? ` Still running: ${running.join(', ')}.` : '') +
      ` Next: ${describeNext(world, 3).join('; ') || 'nothing'}.` +
      ' To move time: await cluster.advance(…), cluster.until(…) or cluster.group(…).stable(). When you are done: cluster.dispose().'
    )
  }
}

/** How often a predicate is asked when nothing happens. Virtual milliseconds. */
const TICK_MS = 100

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
