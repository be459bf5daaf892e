/**
 * The cluster a user holds: creation, time, inspection, processes, faults, disposal. It knows no client: the composition
 * root hands in how one is made, so that any client over `Transport` works.
 */
import {
  NEWEST_KAFKA,
  OFFSETS_TOPIC,
  SWITCH_NAMES,
  type Switches,
  switchesOf,
  TRANSACTION_TOPIC,
  topicsByDefault,
} from '../broker/index.ts'
import { benignChooser, clear, peek, seededChooser, type TraceEvent, traceEvents, traceHash } from '../kernel/index.ts'
import { makeCreatableTopic, makeCreatableTopicConfig, makeCreateTopicsRequest } from '../protocol/make.ts'
import type { Transport } from '../protocol/transport.ts'
import { refuseUnknown } from '../protocol/unknown-options.ts'
import type { Cluster, MakeKafka } from './api.ts'
import { createTopicsAtStart, registerAtStart } from './controller.ts'
import { milliseconds } from './duration.ts'
import { KafkariumError } from './errors.ts'
import { createStorms, faultHandle } from './faults/handle.ts'
import { groupHandle, type HandleScope, topicHandle } from './handles.ts'
import { createHistoryRecorder, type HistoryRecorder } from './history.ts'
import type { ClusterHost } from './host.ts'
import { nodeViews, viewOf } from './inspect.ts'
import { dutiesAreMet, healAll, missingDuties } from './laws/duties.ts'
import { violationIn } from './laws/index.ts'
import type { ClusterOptions } from './options.ts'
import { type ParsedOptions, parseOptions } from './parse-options.ts'
import { describeNext } from './pending.ts'
import { createProcess, type Process } from './process.ts'
import { createProcessHandle } from './process-handle.ts'
import { createTestProducer, type TestProducer } from './produce.ts'
import { createPump, disposedError, type Pump } from './pump.ts'
import { type Standstill, standstillText, watchStandstill } from './standstill.ts'
import { controlledByAnother, createTimeControl } from './time-control.ts'
import { createTransport } from './transport.ts'
import type { TraceListener } from './view.ts'
import { createWaiting, type Waiting } from './waiting.ts'
import { type DoorScope, openSocket, serverDoor } from './wire/door.ts'
import { openPorts } from './wire/listen.ts'
import { createPace, type Pace } from './wire/pace.ts'
import { arm, createWorld, note, type World } from './world.ts'

/** `watch` is given every world that is made: for what looks inside without being a user, as the bench does. */
export function createClusterCore<K, C extends { clientId?: string | undefined }>(
  options: ClusterOptions,
  host: ClusterHost,
  makeKafka: MakeKafka<K, C>,
  watch?: (world: World) => void,
): Cluster<K, C> {
  const parsed = parseOptions(options, host)
  let world!: World
  let pump!: Pump
  let main!: Process
  let pace!: Pace
  let waiting!: Waiting
  let epoch = parsed.epoch
  /** Nobody has called in: nothing but its beginning has happened. */
  let untouched = true
  const endListeners = new Set<() => void>()
  const control = createTimeControl(host, () => ({ world, pump, pace, process: main }))
  let standstill!: Standstill
  let recorder: HistoryRecorder | null = null
  let testProducer: TestProducer | null = null
  let taken = new Map<string, number>()
  const told = { warned: false }
  const listeners = new Set<TraceListener>()
  const storms = createStorms()
  const scope: HandleScope = {
    world: () => world,
    waiting: () => waiting,
    taken: () => taken,
    enter,
    deadlineMs: parsed.deadlineMs,
  }

  start()
  const removeExit = host.onExit((code) => {
    if (world.disposed) return
    const open = [...world.calls].filter((call) => !call.waitsForUser)
    if (code !== 13 && open.length === 0) return
    host.warn(standstillText(world, 'The program ended while something still waited for the cluster'))
  })

  const cluster: Cluster<K, C> = {
    kafka(config) {
      enter('cluster.kafka')
      return newKafka(main, config)
    },
    process(name, mainFunction) {
      enter('cluster.process')
      if (world.processes.has(name)) {
        throw wrongState(`cluster.process: there is a process "${name}" already. Use its restart(), or another name.`)
      }
      return createProcessHandle(world, pump, name, mainFunction, newKafka)
    },
    produce(topic, messages) {
      enter('cluster.produce')
      testProducer ??= createTestProducer(world, newTransport(main, 'test', main.incarnation))
      const { produce } = testProducer
      return waiting.asCall(
        'cluster.produce',
        waiting.arrived().then(() => produce(topic, messages)),
      )
    },
    topic: (name) => topicHandle(scope, name),
    group: (id) => groupHandle(scope, id),
    nodes: () => nodeViews(world),
    get brokers() {
      return addresses()
    },
    socketFactory(args) {
      openDoor('cluster.socketFactory')
      if (controlledByAnother(world)) {
        throw wrongState(
          "cluster.socketFactory: another cluster controls the program's time, so kafkajs's time-outs would not be this one's. Release it first, or let this one control.",
        )
      }
      return openSocket(doorScope(), args)
    },
    controlTime() {
      enter('cluster.controlTime')
      return control.take()
    },
    async listen(listenOptions = {}) {
      openDoor('cluster.listen')
      if (control.taken) {
        throw wrongState(
          'cluster.listen: time jumps while the cluster controls it, past the time-outs of programs beyond a port. Release cluster.controlTime() first.',
        )
      }
      return openPorts(
        host,
        serverDoor(doorScope, (listener) => {
          endListeners.add(listener)
          return () => endListeners.delete(listener)
        }),
        listenOptions,
      )
    },
    view: () => viewOf(world),
    history() {
      if (recorder !== null) return recorder.history()
      throw wrongState(
        'cluster.history: nothing was recorded. Ask for it when the cluster is made: createCluster({ history: true }).',
      )
    },
    get now() {
      if (!world.disposed && world.mode === 'wall') enter('cluster.now')
      return world.now
    },
    advance(duration) {
      const ms = milliseconds(duration, 'advance')
      enter('cluster.advance')
      const target = world.now + ms
      pump.allowedUntil = Math.max(pump.allowedUntil, target)
      const { wait } = waiting
      return wait((resolve, reject) => {
        let last = false
        const end = {
          type: 'control',
          label: 'the end of advance',
          run() {
            // What is due at this very instant and was armed later still belongs to it. Once: two advances must not wait for each other.
            if (!last && (peek(world.queue)?.time ?? Number.POSITIVE_INFINITY) <= world.now) {
              last = true
              arm(world, 0, 'work', end)
            } else if (waiting.broken === null) resolve()
            else reject(waiting.broken)
          },
        } as const
        arm(world, ms, 'work', end)
        pump.wake()
      })
    },
    settle() {
      enter('cluster.settle')
      return waiting.waitFor('cluster.settle', () => pump.quiet(), world.deadlineMs, 'settle')
    },
    until(predicate, untilOptions) {
      enter('cluster.until')
      if (typeof predicate !== 'function') {
        const shown = JSON.stringify(predicate) ?? String(predicate)
        throw new KafkariumError(
          'KAFKARIUM_BAD_OPTION',
          `cluster.until: ${shown} is not a function. Write until(() => handled.length === 10); advance('5s') is what passes time.`,
        )
      }
      refuseUnknown(untilOptions, ['within', 'what'], 'cluster.until')
      const within = milliseconds(untilOptions?.within ?? parsed.deadlineMs, 'cluster.until: within')
      return waiting.waitFor(untilOptions?.what ?? 'cluster.until', predicate, within, 'drive')
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
    faults: faultHandle({ world: () => world, storms, enter, wake: () => pump.wake() }),
    heal(healOptions) {
      enter('cluster.heal')
      refuseUnknown(healOptions, ['within', 'caughtUp'], 'cluster.heal')
      const within = milliseconds(healOptions?.within ?? parsed.deadlineMs, 'cluster.heal: within')
      const caughtUp = healOptions?.caughtUp ?? []
      storms.stop()
      healAll(world)
      pump.wake()
      return waiting.waitFor(
        'the cluster to heal',
        () => dutiesAreMet(world, caughtUp),
        within,
        'drive',
        () => `\n  missing: ${missingDuties(world, caughtUp).join('\n           ')}`,
      )
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
      if (control.taken) {
        throw wrongState(
          "cluster.reset: the program's timers are this cluster's, and would be lost. Release cluster.controlTime() first, or make another cluster.",
        )
      }
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

  function doorScope(): DoorScope {
    return { world, pump, pace, process: main }
  }

  /** Clients that bring a clock of their own: a cluster nobody has used yet begins anew at the host's date. */
  function openDoor(what: string): void {
    if (
      untouched &&
      !world.controlsProgram &&
      world.mode === 'auto' &&
      options.epoch === undefined &&
      !world.disposed
    ) {
      end()
      epoch = host.dateNow()
      start()
    }
    enter(what)
  }

  function start(): void {
    testProducer = null
    taken = new Map()
    world = createWorld({
      host,
      brokers: parsed.brokers,
      config: parsed.config,
      racks: parsed.racks,
      switches: parsed.switches,
      kafkaVersion: parsed.kafkaVersion,
      mode: parsed.mode,
      epoch,
      patienceMs: parsed.patienceMs,
      deadlineMs: parsed.deadlineMs,
      strict: parsed.strict,
      chooser: parsed.seed === null ? benignChooser() : seededChooser(parsed.seed),
      seeded: parsed.seed !== null,
      traceCapacity: parsed.traceCapacity,
      checksLaws: parsed.laws,
    })
    watch?.(world)
    pump = createPump(world, parsed.speed)
    pace = createPace(world, pump)
    main = createProcess('test')
    recorder = parsed.history ? createHistoryRecorder(world) : null
    world.onRewritten = recorder === null ? null : recorder.rewritten
    waiting = createWaiting(world, pump, main)
    if (listeners.size > 0) world.trace.listeners.add(tellListeners)
    for (const node of world.nodes.values()) registerAtStart(world, node)
    createTopics(world, parsed)
    if (parsed.internalTopicsAtStart) {
      createTopicsAtStart(world, topicsByDefault([OFFSETS_TOPIC, TRANSACTION_TOPIC], parsed.config), true)
    }
    if (parsed.laws) world.afterEvent.add(checkLaws)
    standstill = watchStandstill(world, pump, told)
    pump.wake()
  }

  function end(): void {
    storms.stop()
    standstill.stop()
    world.disposed = true
    for (const drop of [...world.wires]) drop()
    for (const listener of [...endListeners]) listener()
    pump.stop()
    clear(world.queue)
    world.calls.clear()
    waiting.end(disposedError('a wait for the cluster'))
    for (const process of world.processes.values()) process.state = 'ended'
    main.state = 'ended'
  }

  function stop(): void {
    if (world.disposed) return
    end()
    control.release()
    removeExit()
  }

  function enter(what: string): void {
    if (world.disposed) throw disposedError(what)
    if (waiting.broken !== null) throw waiting.broken
    untouched = false
    pump.enter(what)
    world.lastProgress = world.now
  }

  function needWall(what: string): void {
    enter(`cluster.${what}`)
    if (world.mode === 'wall') return
    throw wrongState(
      `cluster.${what}: only with createCluster({ time: 'wall' }); this cluster runs in '${world.mode}'.`,
    )
  }

  function newKafka(process: Process, config: C | undefined, incarnation: number = process.incarnation): K {
    const clientId = config?.clientId ?? (process === main ? 'kafkarium' : process.name)
    return makeKafka(newTransport(process, clientId, incarnation), { clientId, brokers: addresses() }, config)
  }

  function newTransport(process: Process, clientId: string, incarnation: number): Transport {
    return createTransport(
      world,
      pump,
      process,
      clientId,
      incarnation,
      recorder?.client(process, clientId, incarnation),
    )
  }

  function addresses(): string[] {
    return [...world.nodes.values()].map((node) => `${node.host}:${node.port}`)
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

  function checkLaws(): void {
    if (waiting.broken !== null) return
    const violation = violationIn(world)
    if (violation === null) return
    note(world, { type: 'law.broken', ...violation })
    const error = new KafkariumError(
      'KAFKARIUM_LAW_BROKEN',
      `Law ${violation.law} is broken: ${violation.sentence}\n  ${violation.detail}\n` +
        `  ${lawCause(world.controller.switches)}`,
    )
    waiting.broken = error
    for (const call of world.calls) call.onDeadline?.(error)
    world.calls.clear()
    world.touched = true
  }
}

function wrongState(message: string): KafkariumError {
  return new KafkariumError('KAFKARIUM_WRONG_STATE', message)
}

/** Topics exist from the first moment, without the network; one after the other, so that each is checked against the last. */
function createTopics(world: World, parsed: ParsedOptions): void {
  for (const { name, partitions, replicationFactor, config } of parsed.topics) {
    const topic = makeCreatableTopic({
      name,
      numPartitions: partitions,
      replicationFactor,
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

/** A fix that is off, by itself or with the Kafka version posed as, explains it; otherwise it is ours. */
function lawCause(switches: Switches): string {
  const newest = switchesOf(NEWEST_KAFKA)
  const off = SWITCH_NAMES.filter((name) => switches[name] !== newest[name])
  if (off.length === 0)
    return 'This is a defect of kafkarium, not of your program: please report it with the seed and the trace.'
  const given = off.map(
    (name) => `${name}: ${typeof switches[name] === 'string' ? `'${switches[name]}'` : switches[name]}`,
  )
  return `This is what the bug behind { ${given.join(', ')} } does; without these switches Kafka's fix prevents it.`
}
