/** Members of a consumer group (KIP-848), spoken to heartbeat by heartbeat. */

import { type ConsumerGroup, GROUP_LAWS, type Group, LAWS } from '../../src/broker/index.ts'
import { firstViolation } from '../../src/kernel/laws.ts'
import { errorName } from '../../src/protocol/errors.ts'
import { makeConsumerGroupHeartbeatRequest } from '../../src/protocol/make.ts'
import type { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../src/protocol/messages.ts'
import { type Bench, createBench, type From } from './support.ts'

export const newBench = (
  config: Record<string, string> = {},
  topics: Record<string, number> = { orders: 4, users: 2 },
) => createBench({ ...topics, __consumer_offsets: 1 }, config)

/** Any heartbeat, and the laws after it. */
export function beat(
  bench: Bench,
  body: Partial<ConsumerGroupHeartbeatRequest>,
  from: From & { version?: number } = {},
): ConsumerGroupHeartbeatResponse {
  const before = new Map<string, Group>(bench.state.shards.get(0)?.groups ?? [])
  const facts = bench.facts.length
  const request = makeConsumerGroupHeartbeatRequest({ groupId: 'g', ...body })
  const answer = bench.ask('ConsumerGroupHeartbeat', from.version ?? 0, request, from)
  const scope = { broker: bench.state, before, facts: bench.facts.slice(facts), now: bench.now }
  const broken = firstViolation(GROUP_LAWS, scope) ?? firstViolation(LAWS, bench.state)
  if (broken !== null) throw new Error(`${broken.law}: ${broken.detail}`)
  bench.state.touched?.groups.clear()
  return answer
}

export const errorOf = ({ errorCode }: { readonly errorCode: number }) => errorName(errorCode)

export const group = (bench: Bench, id = 'g'): ConsumerGroup => {
  const found = bench.state.shards.get(0)?.groups.get(id)
  if (found?.type !== 'consumer') throw new Error(`no consumer group ${id}`)
  return found
}

/** A client that does as it is told: it reports what it owns, gives up at once what it shall not have, and takes the rest. */
export class Member {
  readonly bench: Bench
  readonly name: string
  id = ''
  epoch = 0
  /** By topic id. */
  owned = new Map<string, readonly number[]>()
  readonly #instanceId: string | null
  readonly #topics: readonly string[]
  readonly #assignor: string | null
  readonly #rebalanceTimeoutMs: number

  constructor(
    bench: Bench,
    name: string,
    more: { instanceId?: string; topics?: readonly string[]; assignor?: string; rebalanceTimeoutMs?: number } = {},
  ) {
    this.bench = bench
    this.name = name
    this.#instanceId = more.instanceId ?? null
    this.#topics = more.topics ?? ['orders']
    this.#assignor = more.assignor ?? null
    this.#rebalanceTimeoutMs = more.rebalanceTimeoutMs ?? 60_000
  }

  join(more: Partial<ConsumerGroupHeartbeatRequest> = {}): ConsumerGroupHeartbeatResponse {
    this.owned = new Map()
    return this.#take(
      beat(
        this.bench,
        {
          memberId: this.id,
          memberEpoch: 0,
          instanceId: this.#instanceId,
          rebalanceTimeoutMs: this.#rebalanceTimeoutMs,
          subscribedTopicNames: [...this.#topics],
          serverAssignor: this.#assignor,
          topicPartitions: [],
          ...more,
        },
        { clientId: this.name },
      ),
    )
  }

  /** One heartbeat that says what it owns. */
  report(more: Partial<ConsumerGroupHeartbeatRequest> = {}): ConsumerGroupHeartbeatResponse {
    return this.#take(
      beat(
        this.bench,
        {
          memberId: this.id,
          memberEpoch: this.epoch,
          instanceId: this.#instanceId,
          topicPartitions: [...this.owned].map(([topicId, partitions]) => ({ topicId, partitions })),
          ...more,
        },
        { clientId: this.name },
      ),
    )
  }

  leave(memberEpoch = -1): ConsumerGroupHeartbeatResponse {
    return beat(this.bench, { memberId: this.id, memberEpoch, instanceId: this.#instanceId })
  }

  /** `topic-partition` names. */
  get partitions(): string[] {
    return [...this.owned].flatMap(([topicId, partitions]) =>
      partitions.map((partition) => `${this.bench.state.image.topicNames.get(topicId)}-${partition}`),
    )
  }

  #take(answer: ConsumerGroupHeartbeatResponse): ConsumerGroupHeartbeatResponse {
    if (answer.errorCode !== 0) return answer
    this.id = answer.memberId ?? this.id
    this.epoch = answer.memberEpoch
    if (answer.assignment !== null)
      this.owned = new Map(answer.assignment.topicPartitions.map(({ topicId, partitions }) => [topicId, partitions]))
    return answer
  }
}

/** Heartbeats of all until nobody has anything left to do. */
export function settle(...members: Member[]): void {
  for (let round = 0; round < 10; round++) for (const member of members) member.report()
}
