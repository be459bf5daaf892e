/** One attempt to join a group, and what became of it. */
import { KafkaJSError } from '../errors/base.ts'
import { isRebalancing, toError, viewError } from '../errors/classify.ts'
import { consumerEvents } from '../events/names.ts'
import { GiveUp } from '../retry.ts'
import type { Logger } from '../types/logging.ts'
import { ClassicMembership, type ClassicMembershipOptions } from './classic-membership.ts'
import { KnownPartitions } from './known-partitions.ts'
import type { Claim, Membership } from './membership.ts'
import type { MemberIdentity } from './offsets.ts'
import { ServerMembership } from './server-membership.ts'
import type { Assigned } from './subscription.ts'

const FAQ = 'https://kafka.js.org/docs/faq#why-am-i-receiving-messages-for-topics-i-m-not-subscribed-to'

/** Thrown into the join's retries when the consumer was stopped meanwhile. Never leaves the consumer. */
export class Stopped extends Error {}

interface JoinerOptions extends ClassicMembershipOptions {
  readonly isStopping: () => boolean
}

export interface Joined {
  readonly assignment: Assigned
  readonly identity: MemberIdentity
}

export class Joiner {
  readonly membership: Membership
  readonly known: KnownPartitions
  readonly #options: JoinerOptions
  readonly #logger: Logger

  constructor(options: JoinerOptions) {
    this.#options = options
    this.#logger = options.context.rootLogger.namespace('ConsumerGroup')
    const isServerAssigned = options.groupProtocol === 'consumer'
    this.membership = isServerAssigned ? new ServerMembership(options) : new ClassicMembership(options)
    this.known = new KnownPartitions(options.cluster, options.topics)
  }

  /**
   * A join and a sync; the errors thrown tell the retrier what to do.
   *
   * @param isWorking the member goes on with what it owns meanwhile
   */
  async attempt(claim: Claim, isWorking: boolean): Promise<Joined> {
    const { isStopping } = this.#options
    const { membership } = this
    if (isStopping()) throw new GiveUp(new Stopped())
    try {
      await membership.join(claim)
      // A member that joined in the background may have left meanwhile.
      if (isWorking && isStopping()) throw new Stopped()
      return await this.#sync()
    } catch (error) {
      const { type } = viewError(error)
      const isOver = type === 'UNKNOWN_MEMBER_ID' || type === 'ILLEGAL_GENERATION' || type === 'FENCED_MEMBER_EPOCH'
      // Who owns something has to stop first.
      if (isOver && isWorking) throw new GiveUp(error)
      // Not retriable by themselves: the way back goes through the coordinator and a new join, which is what the
      // wrapping makes the retry core do.
      if (isRebalancing(error)) throw new KafkaJSError(toError(error))
      if (type === 'UNKNOWN_MEMBER_ID' || type === 'FENCED_MEMBER_EPOCH') {
        membership.forget()
        throw new KafkaJSError(toError(error))
      }
      throw new GiveUp(error)
    }
  }

  async #sync(): Promise<Joined> {
    const { membership } = this
    const { groupId } = this.#options
    const received = await membership.sync(() => this.known.remember())
    const { generationId, coordinator } = membership
    const memberId = membership.memberId ?? ''
    this.#logger.debug('Received assignment', { groupId, generationId, memberId, memberAssignment: received })
    const assignment = this.#withoutUnsubscribed(new Map(Object.entries(received)))
    await this.#learnAssignedPartitions(assignment)
    return { assignment, identity: { coordinator, generationId, memberId } }
  }

  /** The leader deals out its own topics whatever the members subscribed to (KJ16). */
  #withoutUnsubscribed(assignment: Map<string, number[]>): Map<string, number[]> {
    const { topics, emitter } = this.#options
    const assignedTopics = [...assignment.keys()]
    const topicsNotSubscribed = assignedTopics.filter((topic) => !topics.includes(topic))
    if (topicsNotSubscribed.length === 0) return assignment
    const payload = {
      groupId: this.#options.groupId,
      generationId: this.membership.generationId,
      memberId: this.membership.memberId,
      assignedTopics,
      topicsSubscribed: [...topics],
      topicsNotSubscribed,
    }
    emitter.emit(consumerEvents.RECEIVED_UNSUBSCRIBED_TOPICS, payload)
    this.#logger.warn('Consumer group received unsubscribed topics', { ...payload, helpUrl: FAQ })
    return new Map([...assignment].filter(([topic]) => topics.includes(topic)))
  }

  async #learnAssignedPartitions(assignment: Assigned): Promise<void> {
    for (const [topic, partitions] of assignment) {
      const known = this.known.of(topic)
      if (partitions.every((partition) => known?.has(partition))) continue
      this.#logger.warn('Consumer is not aware of all assigned partitions, refreshing metadata', {
        groupId: this.#options.groupId,
        generationId: this.membership.generationId,
        memberId: this.membership.memberId,
        topic,
        knownPartitions: [...(known ?? [])],
        assignedPartitions: partitions,
      })
      // Once is enough: a refresh brings all topics.
      await this.#options.cluster.refreshMetadata()
      this.known.remember()
      return
    }
  }
}
