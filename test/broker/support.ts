/** One broker and one controller without a network: requests go straight in, time is a number. */
import {
  allocateProducerIds,
  type BrokerState,
  type BrokerTimer,
  brokerChanged,
  brokerConfig,
  type Context,
  createBrokerState,
  createController,
  type Decision,
  offerOf,
  stepController,
  stepMetadata,
  stepPeer,
  stepRequest,
  stepTimer,
  switchesOf,
} from '../../src/broker/index.ts'
import type { PeerMessage, Send } from '../../src/broker/replication/messages.ts'
import type { Fact } from '../../src/kernel/index.ts'
import { makeCreatableTopic, makeCreateTopicsRequest } from '../../src/protocol/make.ts'
import type { ApiName, RequestOf, ResponseOf } from '../../src/protocol/messages.ts'
import { encodeBatch } from '../../src/protocol/records.ts'

export interface Bench {
  readonly state: BrokerState
  now: number
  readonly facts: Fact[]
  readonly timers: Map<string, { at: number; timer: BrokerTimer }>
  /** Answers that came, by correlation id; `null` = the connection was closed, `undefined` = none is owed. */
  readonly answers: Map<number, unknown>
  /** What the broker sent to other brokers, and to itself. */
  readonly sent: Send[]
  /** A message of another broker arrives. */
  hear(message: PeerMessage): void
  /** Whether what the broker asks the controller gets lost. */
  cutOff: boolean
  /** Sends a request and returns its answer; throws when the broker keeps it waiting. */
  ask<A extends ApiName>(api: A, version: number, body: RequestOf<A>, from?: From): ResponseOf<A>
  /** Sends a request and returns its correlation id: for what is answered later. */
  send<A extends ApiName>(api: A, version: number, body: RequestOf<A>, from?: From): number
  answerTo<A extends ApiName>(api: A, correlationId: number): ResponseOf<A>
  isWaiting(correlationId: number): boolean
  /** Lets time pass; due timers fire in order. */
  pass(ms: number): void
  /** The follower has everything in a partition: only with `silentFollower`. */
  replicate(topic: string, partition?: number): void
}

export interface From {
  readonly connection?: number
  readonly clientId?: string
}

export function createBench(
  topics: Readonly<Record<string, number>> = {},
  config: Readonly<Record<string, string>> = {},
  /** Broker 2 is in every ISR and fetches only when told to: until then nothing is committed. */
  { silentFollower = false, version = '4.3' }: { readonly silentFollower?: boolean; readonly version?: string } = {},
): Bench {
  const settings = brokerConfig(config)
  const state = createBrokerState(1, settings, switchesOf(version), offerOf(version), true)
  const controller = createController(settings, switchesOf(version))
  let correlation = 0
  let ids = 0
  const context = (): Context => ({
    now: bench.now,
    uuid: () => `uuid${String(++ids).padStart(17, '0')}A`,
    memberUuid: () => `m${++ids}`,
  })
  const carryOut = (decision: Decision) => {
    bench.facts.push(...decision.facts)
    for (const change of decision.timers) {
      if (change.at === null) bench.timers.delete(change.key)
      else bench.timers.set(change.key, { at: change.at, timer: change.timer })
    }
    for (const { token, body } of decision.replies) bench.answers.set(token.correlationId, body)
    bench.sent.push(...decision.sends)
    for (const { message } of decision.sends) {
      if (message.type !== 'allocate-producer-ids' || bench.cutOff) continue
      const { answer } = allocateProducerIds(controller, 1, message)
      carryOut(stepPeer(state, answer, context()))
    }
    for (const { request, replyTo } of decision.forwards) {
      const { records, response } = stepController(controller, request, context().uuid)
      carryOut(stepMetadata(state, records, context()))
      if (replyTo !== null) bench.answers.set(replyTo.correlationId, response)
    }
  }
  const bench: Bench = {
    state,
    now: 1_000_000,
    facts: [],
    timers: new Map(),
    answers: new Map(),
    cutOff: false,
    sent: [],
    hear: (message) => carryOut(stepPeer(state, message, context())),
    send(api, version, body, from = {}) {
      const correlationId = ++correlation
      carryOut(
        stepRequest(
          state,
          {
            api,
            apiVersion: version,
            body,
            connection: from.connection ?? 1,
            clientId: from.clientId ?? 'client',
            clientHost: '/127.0.0.1',
            correlationId,
          },
          context(),
        ),
      )
      return correlationId
    },
    ask(api, version, body, from) {
      return bench.answerTo(api, bench.send(api, version, body, from))
    },
    answerTo(api, correlationId) {
      if (!bench.answers.has(correlationId)) throw new Error(`${api} ${correlationId} still waits for its answer`)
      return bench.answers.get(correlationId) as never
    },
    isWaiting: (correlationId) => !bench.answers.has(correlationId),
    pass(ms) {
      const end = bench.now + ms
      for (;;) {
        const [due] = [...bench.timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)
        if (due === undefined) break
        bench.timers.delete(due[0])
        bench.now = Math.max(bench.now, due[1].at)
        carryOut(stepTimer(state, due[1].timer, context()))
      }
      bench.now = end
    },
    replicate(topic, partition = 0) {
      const log = state.logs.get(topic)?.[partition]
      const leader = state.leading.get(`${topic}-${partition}`)
      if (log === undefined || leader === undefined) throw new Error(`${topic}-${partition} is not led here`)
      const fetch = {
        type: 'replica-fetch',
        follower: 2,
        ask: 1,
        topic,
        partition,
        offset: log.logEndOffset,
        lastEpoch: leader.epoch,
        leaderEpoch: leader.epoch,
        highWatermark: log.highWatermark,
        brokerEpoch: -1,
        logStartOffset: 0,
      } as const
      carryOut(stepPeer(state, fetch, context()))
    },
  }
  carryOut(
    stepMetadata(state, brokerChanged(controller, { id: 1, host: 'localhost', port: 9092, fenced: false }), context()),
  )
  if (silentFollower) {
    const follower = { id: 2, host: 'localhost', port: 9093, fenced: false }
    carryOut(stepMetadata(state, brokerChanged(controller, follower), context()))
  }
  if (Object.keys(topics).length > 0) {
    const body = makeCreateTopicsRequest({
      topics: Object.entries(topics).map(([name, numPartitions]) =>
        makeCreatableTopic({ name, numPartitions, replicationFactor: silentFollower ? 2 : 1 }),
      ),
    })
    const { records } = stepController(controller, { api: 'CreateTopics', body, internal: true }, context().uuid)
    carryOut(stepMetadata(state, records, context()))
  }
  // Coordinators read their logs.
  bench.pass(0)
  bench.facts.length = 0
  return bench
}

/** A batch of values, or of `[key, value]` pairs. */
export function batchOf(values: readonly string[], timestamp = 1_000_000) {
  return encodeBatch(values.map((value, i) => ({ key: null, value, timestamp: timestamp + i })))
}

/** Timers of requests and members; not those for the upkeep of logs and of committed offsets. */
export function pendingTimers({ timers }: Bench): number {
  const upkeep = ['retention', 'cleaner', 'producers', 'group-expiry', 'txn-expiry']
  return [...timers.keys()].filter((key) => !upkeep.includes(key)).length
}
