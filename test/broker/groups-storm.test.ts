/**
 * Members of both protocols come and go in one group in any order, fall silent, commit, and the coordinator fails over: the laws of groups
 * hold after every step, a replay of the log is the group, and when all behave again everything is assigned to exactly one of them.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDecision } from '../../src/broker/decision.ts'
import { beginLoading, resign } from '../../src/broker/groups/tenure.ts'
import { type ConsumerGroup, GROUP_LAWS, LAWS } from '../../src/broker/index.ts'
import { firstViolation } from '../../src/kernel/laws.ts'
import { decodeAssignment, encodeSubscription } from '../../src/protocol/consumer-protocol.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeHeartbeatRequest,
  makeLeaveGroupRequest,
  makeMemberIdentity,
  makeSyncGroupRequest,
} from '../../src/protocol/make.ts'
import type { JoinGroupResponse, SyncGroupResponse } from '../../src/protocol/messages.ts'
import { Member, newBench } from './consumer-groups-support.ts'
import { assignmentOf, commit, joinBody, reload } from './groups-support.ts'
import type { Bench } from './support.ts'

const PARTITIONS = [0, 1, 2, 3]

/** A consumer of the classic protocol that does the next thing it has to do, one request a step. It gives up everything for a rebalance. */
class Classic {
  readonly bench: Bench
  readonly instance: string | null
  id = ''
  generation = -1
  owned: string[] = []
  #phase: 'out' | 'joining' | 'joined' | 'syncing' | 'working' = 'out'
  #waiting = 0
  #joined: JoinGroupResponse | null = null

  constructor(bench: Bench, instance: string | null) {
    this.bench = bench
    this.instance = instance
  }

  get works(): boolean {
    return this.#phase === 'working'
  }

  step(): void {
    if (this.#phase === 'out') this.#join()
    else if (this.#phase === 'joining') this.#afterJoin()
    else if (this.#phase === 'joined') this.#sync()
    else if (this.#phase === 'syncing') this.#afterSync()
    else this.#heartbeat()
  }

  leave(): void {
    const members = [makeMemberIdentity({ memberId: this.id, groupInstanceId: this.instance })]
    if (this.id !== '') this.bench.ask('LeaveGroup', 4, makeLeaveGroupRequest({ groupId: 'g', members }))
    this.restart()
  }

  /** It begins anew, as a process that was started again does. */
  restart(): void {
    this.#out(ErrorCode.UNKNOWN_MEMBER_ID)
  }

  #join(): void {
    const metadata = encodeSubscription({ topics: ['orders'], ownedPartitions: [] }, 1)
    const body = joinBody(this.id, { groupInstanceId: this.instance, protocols: [{ name: 'range', metadata }] })
    this.#waiting = this.bench.send('JoinGroup', 9, body)
    this.#phase = 'joining'
    this.#afterJoin()
  }

  #afterJoin(): void {
    if (this.bench.isWaiting(this.#waiting)) return
    const answer = this.bench.answerTo('JoinGroup', this.#waiting)
    if (answer.errorCode === ErrorCode.MEMBER_ID_REQUIRED) this.id = answer.memberId
    if (answer.errorCode !== ErrorCode.NONE) return this.#out(answer.errorCode)
    this.id = answer.memberId
    this.generation = answer.generationId
    this.#joined = answer
    this.#phase = 'joined'
  }

  #sync(): void {
    const { members = [], leader = '', skipAssignment = false } = this.#joined ?? {}
    const assigns = leader === this.id && !skipAssignment
    const assignments = assigns
      ? members.map(({ memberId }, i) => ({
          memberId,
          assignment: assignmentOf(...PARTITIONS.filter((partition) => partition % members.length === i)),
        }))
      : []
    const names = { groupInstanceId: this.instance, protocolType: 'consumer', protocolName: 'range' }
    const body = makeSyncGroupRequest({
      groupId: 'g',
      memberId: this.id,
      generationId: this.generation,
      assignments,
      ...names,
    })
    this.#waiting = this.bench.send('SyncGroup', 5, body)
    this.#phase = 'syncing'
    this.#afterSync()
  }

  #afterSync(): void {
    if (this.bench.isWaiting(this.#waiting)) return
    const { errorCode, assignment }: SyncGroupResponse = this.bench.answerTo('SyncGroup', this.#waiting)
    if (errorCode !== ErrorCode.NONE) return this.#out(errorCode)
    this.owned =
      assignment.length === 0
        ? []
        : decodeAssignment(assignment).assignedPartitions.flatMap(({ topic, partitions }) =>
            partitions.map((partition) => `${topic}-${partition}`),
          )
    this.#phase = 'working'
  }

  #heartbeat(): void {
    const { errorCode } = this.bench.ask(
      'Heartbeat',
      3,
      makeHeartbeatRequest({
        groupId: 'g',
        memberId: this.id,
        generationId: this.generation,
        groupInstanceId: this.instance,
      }),
    )
    if (errorCode !== ErrorCode.NONE) this.#out(errorCode)
  }

  #out(errorCode: number): void {
    this.owned = []
    this.generation = -1
    this.#phase = 'out'
    const stranger = [ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_INSTANCE_ID] as number[]
    if (stranger.includes(errorCode)) this.id = ''
  }
}

/** One that speaks the consumer protocol, and joins anew when it is told that it is no member. */
class Modern extends Member {
  step(): void {
    const known = this.id !== '' && this.epoch > 0
    const { errorCode } = known ? this.report() : this.join()
    if (errorCode === ErrorCode.NONE) return
    this.restart()
  }

  restart(): void {
    this.owned = new Map()
    this.epoch = 0
    this.id = ''
  }

  get works(): boolean {
    return this.epoch > 0
  }
}

interface World {
  readonly bench: Bench
  readonly modern: readonly Modern[]
  readonly classic: readonly Classic[]
}

function createWorld(): World {
  const bench = newBench({}, { orders: PARTITIONS.length })
  return {
    bench,
    modern: [new Modern(bench, 'a'), new Modern(bench, 'b'), new Modern(bench, 'c', { instanceId: 'c' })],
    classic: [new Classic(bench, null), new Classic(bench, null), new Classic(bench, 'f')],
  }
}

/** Runs one step, and looks at the laws after it. They compare what one coordinator does. */
function lawful({ bench }: World, act: () => void, sameCoordinator = true): void {
  bench.state.touched?.groups.clear()
  const before = new Map(sameCoordinator ? bench.state.shards.get(0)?.groups : [])
  const facts = bench.facts.length
  act()
  const scope = { broker: bench.state, before, facts: bench.facts.slice(facts), now: bench.now }
  const broken = firstViolation(GROUP_LAWS, scope) ?? firstViolation(LAWS, bench.state)
  if (broken !== null) throw new Error(`Law ${broken.law}: ${broken.detail}`)
  bench.facts.length = 0
}

function replaysTheSame({ bench }: World): void {
  const group = bench.state.shards.get(0)?.groups.get('g')
  if (group?.type === 'consumer')
    expect(persisted(reload(bench).groups.get('g') as ConsumerGroup)).toEqual(persisted(group))
}

/** What is in the records; the order of members is that of their first record. */
const persisted = ({ members, target, topics, state, groupEpoch, assignmentEpoch }: ConsumerGroup) => ({
  state,
  groupEpoch,
  assignmentEpoch,
  target,
  topics,
  members: [...members.values()].map((one) => ({ ...one, connection: 0, lastHeartbeat: 0, joinAwaited: false })),
})

/** Another broker would load the log; here it is this one again. */
function failOver(bench: Bench): void {
  const out = createDecision()
  const context = { now: bench.now, uuid: () => '', memberUuid: () => '' }
  resign(bench.state, 0, out)
  beginLoading(bench.state, 0, context, out)
  for (const { token, body } of out.replies) bench.answers.set(token.correlationId, body)
  for (const change of out.timers)
    if (change.at === null) bench.timers.delete(change.key)
    else bench.timers.set(change.key, { at: change.at, timer: change.timer })
  bench.pass(1)
}

const steps = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ op: fc.constantFrom('step' as const), who: fc.nat(5) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        op: fc.constantFrom('leave', 'restart', 'commit') as fc.Arbitrary<'leave'>,
        who: fc.nat(5),
      }),
    },
    { weight: 1, arbitrary: fc.record({ op: fc.constantFrom('fail-over' as const), who: fc.constant(0) }) },
    {
      weight: 3,
      arbitrary: fc.record({ op: fc.constantFrom('pass' as const), who: fc.constantFrom(100, 3000, 20_000, 50_000) }),
    },
  ),
  { minLength: 10, maxLength: 80 },
)

function run(world: World, { op, who }: { op: string; who: number }): void {
  const { bench, modern, classic } = world
  const member = modern[who] ?? classic[who - modern.length]
  if (op === 'fail-over') return lawful(world, () => failOver(bench), false)
  lawful(world, () => {
    if (op === 'pass') bench.pass(who)
    else if (member === undefined) return
    else if (op === 'step') member.step()
    else if (op === 'restart') member.restart()
    else if (op === 'commit') {
      const epoch = member instanceof Modern ? member.epoch : member.generation
      commit(bench, member.id, member.works ? epoch : -1, 1, { version: 9 })
    } else if (member instanceof Classic) member.leave()
    else if (member.works) {
      member.leave()
      member.restart()
    }
  })
}

/** Everybody in `who` behaves for five minutes; the others are never heard of again. */
function calm(world: World, who: readonly (Modern | Classic)[]): void {
  for (let seconds = 0; seconds < 300; seconds += 3) {
    for (const member of who) lawful(world, () => member.step())
    lawful(world, () => world.bench.pass(3000))
  }
}

describe('a storm in a group', () => {
  const all = PARTITIONS.map((partition) => `orders-${partition}`)
  test.each([
    ['members of the consumer protocol are left', (world: World) => world.modern],
    ['members of the classic protocol are left', (world: World) => world.classic],
    ['members of both are left', (world: World) => [...world.modern, ...world.classic]],
  ])('%s: each partition ends up with one of them', (_name, left) => {
    fc.assert(
      fc.property(steps, (list) => {
        const world = createWorld()
        for (const one of list) run(world, one)
        replaysTheSame(world)
        const who = left(world)
        calm(world, who)
        const owned = who.map((member) => (member instanceof Modern ? member.partitions : member.owned))
        expect(owned.flat().sort()).toEqual(all)
        replaysTheSame(world)
        expect(world.bench.state.shards.get(0)?.groups.get('g')?.state).toBe('Stable')
      }),
      { seed: 848, numRuns: 15 },
    )
  })
})
