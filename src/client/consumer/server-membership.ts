/**
 * The consumer protocol (KIP-848; AbstractMembershipManager and ConsumerHeartbeatRequestManager of Java's consumer): one request for
 * everything. The coordinator assigns; the member says what it owns, gives up what it shall not have, and says so again.
 */
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import { consumerEvents } from '../events/names.ts'
import type { BrokerClient } from '../network/broker.ts'
import { type HeartbeatAnswer, requestConsumerHeartbeat, requestTopicIds } from '../network/consumer-group-requests.ts'
import type { Assignment } from '../types/assigners.ts'
import type { Claim, Membership } from './membership.ts'
import type { MemberIdentity } from './offsets.ts'
import type { ConsumerOptions } from './options.ts'

export interface ServerMembershipOptions extends ConsumerOptions {
  readonly topics: readonly string[]
}

const JOIN_EPOCH = 0
const LEAVE_EPOCH = -1
/** Of a static member: it is expected back. */
const LEAVE_STATIC_EPOCH = -2

export class ServerMembership implements Membership {
  readonly #options: ServerMembershipOptions
  memberId: string | null = null
  generationId = JOIN_EPOCH
  readonly leaderId = ''
  readonly isLeader = false
  heartbeatIntervalMs: number | null = null
  #coordinator: BrokerClient | undefined
  /** What the coordinator gave last. */
  #target: Assignment = {}
  /** It has not been taken over yet. */
  #isPending = false
  /** What was said to be owned last. */
  #said: Assignment = {}
  /** An answer was lost, and perhaps an epoch with it: the next request says everything, so that the coordinator can tell. */
  #saysAll = false
  /** Names by topic id. */
  #names = new Map<string, string>()

  constructor(options: ServerMembershipOptions) {
    this.#options = options
  }

  get protocol(): string {
    return this.#options.groupRemoteAssignor ?? ''
  }

  get coordinator(): BrokerClient {
    if (this.#coordinator === undefined) throw new KafkaJSNonRetriableError('The consumer has not joined its group yet')
    return this.#coordinator
  }

  /** The epoch moves on with any heartbeat. */
  get identity(): MemberIdentity | null {
    if (this.#coordinator === undefined || this.memberId === null || this.generationId <= JOIN_EPOCH) return null
    return { coordinator: this.#coordinator, generationId: this.generationId, memberId: this.memberId }
  }

  /** Joins, or says what the member owns now; there is nothing to say while a new assignment waits to be taken over. */
  async join({ owned }: Claim): Promise<void> {
    const { cluster, groupId } = this.#options
    if (this.#isPending && this.generationId > JOIN_EPOCH) return
    const coordinator = await cluster.findGroupCoordinator(groupId)
    this.#coordinator = coordinator
    await this.#learnTopics(coordinator, Object.keys(owned))
    const isFirst = this.generationId <= JOIN_EPOCH
    await this.#send(coordinator, isFirst ? {} : owned)
  }

  async sync(onAssigned: () => void): Promise<Assignment> {
    onAssigned()
    this.#isPending = false
    return this.#target
  }

  async heartbeat(): Promise<boolean> {
    const { emitter, groupId } = this.#options
    await this.#send(this.coordinator, this.#saysAll ? this.#said : null)
    emitter.emit(consumerEvents.HEARTBEAT, {
      groupId,
      memberId: this.memberId ?? '',
      groupGenerationId: this.generationId,
    })
    return this.#isPending
  }

  forget(): void {
    this.memberId = null
    this.generationId = JOIN_EPOCH
    this.#target = {}
    this.#said = {}
    this.#isPending = false
    this.#saysAll = false
  }

  async leave(): Promise<void> {
    const { memberId } = this
    if (memberId === null || this.#coordinator === undefined) return
    const { groupId, groupInstanceId } = this.#options
    const memberEpoch = groupInstanceId === null ? LEAVE_EPOCH : LEAVE_STATIC_EPOCH
    this.forget()
    await requestConsumerHeartbeat(this.#coordinator, { groupId, memberId, memberEpoch, instanceId: groupInstanceId })
  }

  /** With `owned` everything is said, and the answer has the whole assignment; with null that the member lives. */
  async #send(coordinator: BrokerClient, owned: Assignment | null): Promise<void> {
    const { context, groupId, groupInstanceId, rackId, rebalanceTimeoutMs, topics } = this.#options
    // Members make their ids themselves (KIP-1082): Java's are UUIDs; these say whose they are.
    this.memberId ??= `${this.#options.clientId}-${memberTail(context.transport.nextId('member'))}`
    const { memberId } = this
    this.#said = owned ?? this.#said
    // Until there is an answer.
    this.#saysAll = true
    const answer = await requestConsumerHeartbeat(coordinator, {
      groupId,
      memberId,
      memberEpoch: this.generationId,
      instanceId: groupInstanceId,
      ...(owned === null
        ? {}
        : {
            rackId: rackId || null,
            rebalanceTimeoutMs,
            subscribedTopicNames: topics,
            serverAssignor: this.#options.groupRemoteAssignor,
            topicPartitions: this.#withIds(owned),
          }),
    })
    // It has left, or joined anew, while the answer was on its way.
    if (this.memberId !== memberId) return
    this.#saysAll = false
    await this.#take(coordinator, answer)
  }

  async #take(coordinator: BrokerClient, answer: HeartbeatAnswer): Promise<void> {
    this.generationId = answer.memberEpoch
    this.heartbeatIntervalMs = answer.heartbeatIntervalMs
    if (answer.assignment === null) return
    const known = answer.assignment.every(({ topicId }) => this.#names.has(topicId))
    if (!known) await this.#learnTopics(coordinator, [], true)
    const target: Record<string, number[]> = {}
    for (const { topicId, partitions } of answer.assignment) {
      const name = this.#names.get(topicId)
      // A topic that has just gone: the coordinator will take it back.
      if (name !== undefined) target[name] = [...partitions]
    }
    this.#isPending = !sameAssignment(target, this.#target)
    this.#target = target
  }

  /** Ids of the topics it subscribes to, and of those it owns. */
  async #learnTopics(coordinator: BrokerClient, owned: readonly string[], again = false): Promise<void> {
    const named = new Set(this.#names.values())
    const wanted = [...new Set([...this.#options.topics, ...owned])]
    if (!again && wanted.every((topic) => named.has(topic))) return
    for (const { topicId, name } of await requestTopicIds(coordinator, wanted)) this.#names.set(topicId, name)
  }

  #withIds(owned: Assignment): { topicId: string; partitions: number[] }[] {
    const ids = new Map([...this.#names].map(([topicId, name]) => [name, topicId]))
    return Object.entries(owned).flatMap(([topic, partitions]) => {
      const topicId = ids.get(topic)
      return topicId === undefined || partitions.length === 0 ? [] : [{ topicId, partitions: [...partitions] }]
    })
  }
}

function memberTail(id: number): string {
  return `00000000-0000-4000-8000-${id.toString(16).padStart(12, '0')}`
}

export function sameAssignment(a: Assignment, b: Assignment): boolean {
  const text = (assignment: Assignment) =>
    Object.entries(assignment)
      .filter(([, partitions]) => partitions.length > 0)
      .map(([topic, partitions]) => `${topic}: ${[...partitions].sort((x, y) => x - y)}`)
      .sort()
      .join('; ')
  return text(a) === text(b)
}
