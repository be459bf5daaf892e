/** A member of a consumer group: join, sync, heartbeat, leave (KJ5, KJ6, KJ16; eager protocol only). */
import { copyAsHostBytes } from '../bytes.ts'
import { KafkaJSError, KafkaJSNonRetriableError } from '../errors/base.ts'
import { isRebalancing, toError, viewError } from '../errors/classify.ts'
import { KafkaJSStaleTopicMetadataAssignment } from '../errors/general.ts'
import { consumerEvents } from '../events/names.ts'
import type { BrokerClient } from '../network/broker.ts'
import { requestHeartbeat, requestJoin, requestLeave, requestSync } from '../network/group-requests.ts'
import { createRetrier, GiveUp, type Retrier } from '../retry.ts'
import type { Assigner, GroupMember, GroupMemberAssignment } from '../types/assigners.ts'
import type { Logger } from '../types/logging.ts'
import type { PartitionMetadata } from '../types/metadata.ts'
import { AssignerProtocol } from './assigner-protocol.ts'
import { type AutoCommit, Offsets } from './offsets.ts'
import type { ConsumerOptions } from './options.ts'
import { SeekQueue } from './seek-queue.ts'
import { Subscription, sortedAsText } from './subscription.ts'

const FAQ = 'https://kafka.js.org/docs/faq#why-am-i-receiving-messages-for-topics-i-m-not-subscribed-to'

/** Thrown into the join's retries when the consumer was stopped meanwhile. Never leaves the consumer. */
export class Stopped extends Error {}

interface KnownPartitions {
  /** The metadata array the set was made from: as long as it is the same there is nothing to compare. */
  source: PartitionMetadata[]
  readonly ids: ReadonlySet<number>
}

interface GroupOptions extends ConsumerOptions {
  readonly topics: readonly string[]
  readonly fromBeginning: (topic: string) => boolean | undefined
  readonly assigners: readonly Assigner[]
  readonly autoCommit: AutoCommit
  readonly isStopping: () => boolean
}

export class GroupMembership {
  readonly groupId: string
  readonly subscription = new Subscription()
  readonly seeks = new SeekQueue()
  readonly #options: GroupOptions
  readonly #logger: Logger
  readonly #retrier: Retrier
  /** `null` before the first join and after UNKNOWN_MEMBER_ID. */
  memberId: string | null = null
  #generationId = -1
  #leaderId = ''
  #protocol = ''
  /** The group goes on with the assignment it has: this member came back and leads (KIP-814). */
  #skipsAssignment = false
  #members: readonly { readonly memberId: string; readonly metadata: Uint8Array }[] = []
  #coordinator: BrokerClient | undefined
  #offsets: Offsets | undefined
  #knownPartitions: Map<string, KnownPartitions> | undefined
  #lastHeartbeat: number
  #heartbeat: Promise<void> | undefined

  constructor(options: GroupOptions) {
    this.#options = options
    this.groupId = options.groupId
    this.#logger = options.context.rootLogger.namespace('ConsumerGroup')
    this.#retrier = createRetrier(options.context.transport, options.retry)
    this.#lastHeartbeat = options.context.transport.now()
  }

  /** Of the current assignment. */
  get offsets(): Offsets {
    if (this.#offsets === undefined) throw new KafkaJSNonRetriableError('The consumer has not joined its group yet')
    return this.#offsets
  }

  async connect(): Promise<void> {
    const { cluster, emitter } = this.#options
    await cluster.connect()
    emitter.emit(consumerEvents.CONNECT)
    await cluster.refreshMetadataIfNecessary()
  }

  joinAndSync(): Promise<void> {
    const { context, emitter, isStopping } = this.#options
    const startedAt = context.transport.now()
    return this.#retrier(async () => {
      if (isStopping()) throw new GiveUp(new Stopped())
      try {
        await this.#join()
        await this.#sync()
      } catch (error) {
        // Not retriable by themselves: the way back goes through the coordinator and a new join, which is what the
        // wrapping makes the retry core do.
        if (isRebalancing(error)) throw new KafkaJSError(toError(error))
        if (viewError(error).type === 'UNKNOWN_MEMBER_ID') {
          this.memberId = null
          throw new KafkaJSError(toError(error))
        }
        throw new GiveUp(error)
      }
      const payload = {
        groupId: this.groupId,
        memberId: this.memberId,
        leaderId: this.#leaderId,
        isLeader: this.#isLeader(),
        memberAssignment: Object.fromEntries(
          [...this.subscription.assigned()].map(([topic, ids]) => [topic, [...ids]]),
        ),
        groupProtocol: this.#protocol,
        duration: context.transport.now() - startedAt,
      }
      emitter.emit(consumerEvents.GROUP_JOIN, payload)
      this.#logger.info('Consumer has joined the group', payload)
    })
  }

  #isLeader(): boolean {
    return this.#leaderId !== '' && this.memberId === this.#leaderId
  }

  async #join(): Promise<void> {
    const { cluster, assigners, topics, sessionTimeoutMs, rebalanceTimeoutMs, groupInstanceId } = this.#options
    this.#coordinator = await cluster.findGroupCoordinator(this.groupId)
    const joined = await requestJoin(this.#coordinator, {
      groupId: this.groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId: this.memberId ?? '',
      groupInstanceId,
      protocols: assigners.map((assigner) => {
        const { name, metadata } = assigner.protocol({ topics: [...topics] })
        return { name, metadata: new Uint8Array(metadata) }
      }),
    })
    this.#generationId = joined.generationId
    this.#leaderId = joined.leader
    this.memberId = joined.memberId
    this.#members = joined.members
    this.#protocol = joined.protocolName ?? ''
    this.#skipsAssignment = joined.skipAssignment
  }

  async #sync(): Promise<void> {
    const { cluster, context, emitter, fromBeginning, autoCommit, groupInstanceId } = this.#options
    const memberId = this.memberId ?? ''
    const generationId = this.#generationId
    const assignments = this.#isLeader() && !this.#skipsAssignment ? await this.#assign() : []
    const coordinator = this.#coordinator as BrokerClient

    this.#knownPartitions = this.#partitionsOfTopics()
    const bytes = await requestSync(coordinator, {
      groupId: this.groupId,
      generationId,
      memberId,
      groupInstanceId,
      assignments: assignments.map((one) => ({
        memberId: one.memberId,
        assignment: new Uint8Array(one.memberAssignment),
      })),
    })
    const decoded =
      AssignerProtocol.MemberAssignment.decode(copyAsHostBytes(bytes, context.host.bytes.view))?.assignment ?? {}
    this.#logger.debug('Received assignment', {
      groupId: this.groupId,
      generationId,
      memberId,
      memberAssignment: decoded,
    })

    const assignment = this.#withoutUnsubscribed(new Map(Object.entries(decoded)))
    await this.#learnAssignedPartitions(assignment)
    this.subscription.assign(assignment)
    this.#offsets = new Offsets({
      transport: context.transport,
      cluster,
      emitter,
      coordinator,
      groupId: this.groupId,
      generationId,
      memberId,
      groupInstanceId,
      assignment: this.subscription.assigned(),
      fromBeginning,
      autoCommit,
    })
  }

  async #assign(): Promise<GroupMemberAssignment[]> {
    const { cluster, context, assigners, topics } = this.#options
    const assigner = assigners.find(({ name }) => name === this.#protocol)
    if (assigner === undefined) {
      throw new KafkaJSNonRetriableError(
        `Unsupported partition assigner "${this.#protocol}", the assigner wasn't found in the assigners list`,
      )
    }
    await cluster.refreshMetadata()
    const members: GroupMember[] = this.#members.map(({ memberId, metadata }) => ({
      memberId,
      memberMetadata: copyAsHostBytes(metadata, context.host.bytes.view),
    }))
    return assigner.assign({ members, topics: [...topics] })
  }

  /** The leader deals out its own topics whatever the members subscribed to (KJ16). */
  #withoutUnsubscribed(assignment: Map<string, number[]>): Map<string, number[]> {
    const { topics, emitter } = this.#options
    const assignedTopics = [...assignment.keys()]
    const topicsNotSubscribed = assignedTopics.filter((topic) => !topics.includes(topic))
    if (topicsNotSubscribed.length === 0) return assignment
    const payload = {
      groupId: this.groupId,
      generationId: this.#generationId,
      memberId: this.memberId,
      assignedTopics,
      topicsSubscribed: [...topics],
      topicsNotSubscribed,
    }
    emitter.emit(consumerEvents.RECEIVED_UNSUBSCRIBED_TOPICS, payload)
    this.#logger.warn('Consumer group received unsubscribed topics', { ...payload, helpUrl: FAQ })
    return new Map([...assignment].filter(([topic]) => topics.includes(topic)))
  }

  async #learnAssignedPartitions(assignment: ReadonlyMap<string, readonly number[]>): Promise<void> {
    for (const [topic, partitions] of assignment) {
      const known = this.#knownPartitions?.get(topic)?.ids
      if (partitions.every((partition) => known?.has(partition))) continue
      this.#logger.warn('Consumer is not aware of all assigned partitions, refreshing metadata', {
        groupId: this.groupId,
        generationId: this.#generationId,
        memberId: this.memberId,
        topic,
        knownPartitions: [...(known ?? [])],
        assignedPartitions: partitions,
      })
      // Once is enough: a refresh brings all topics.
      await this.#options.cluster.refreshMetadata()
      this.#knownPartitions = this.#partitionsOfTopics()
      return
    }
  }

  #partitionsOfTopics(): Map<string, KnownPartitions> {
    return new Map(
      this.#options.topics.map((topic) => {
        const source = this.#options.cluster.findTopicPartitionMetadata(topic)
        return [topic, { source, ids: new Set(source.map(({ partitionId }) => partitionId)) }]
      }),
    )
  }

  /** @throws KafkaJSStaleTopicMetadataAssignment when a subscribed topic has partitions the last join did not know. */
  checkForStaleAssignment(): void {
    if (this.#knownPartitions === undefined) return
    for (const [topic, known] of this.#knownPartitions) {
      const current = this.#options.cluster.findTopicPartitionMetadata(topic)
      if (current === known.source) continue
      const unknownPartitions = current.map(({ partitionId }) => partitionId).filter((id) => !known.ids.has(id))
      if (unknownPartitions.length > 0) {
        throw new KafkaJSStaleTopicMetadataAssignment('Topic has been updated', {
          topic,
          unknownPartitions: sortedAsText(unknownPartitions),
        })
      }
      known.source = current
    }
  }

  /** KJ5: `undefined` when the interval has not passed since the last one; callers at the same time share one. */
  heartbeat(intervalMs: number): Promise<void> | undefined {
    if (this.#heartbeat !== undefined) return this.#heartbeat
    if (this.memberId === null || this.#options.context.transport.now() < this.#lastHeartbeat + intervalMs)
      return undefined
    this.#heartbeat = this.#beat(this.memberId)
    return this.#heartbeat
  }

  async #beat(memberId: string): Promise<void> {
    const { context, emitter, groupInstanceId } = this.#options
    const { groupId } = this
    const generationId = this.#generationId
    const coordinator = this.#coordinator as BrokerClient
    try {
      await requestHeartbeat(coordinator, { groupId, generationId, memberId, groupInstanceId })
      emitter.emit(consumerEvents.HEARTBEAT, { groupId, memberId, groupGenerationId: generationId })
      this.#lastHeartbeat = context.transport.now()
    } finally {
      this.#heartbeat = undefined
    }
  }

  async leave(): Promise<void> {
    const { memberId } = this
    if (memberId === null || this.#coordinator === undefined) return
    // A static member is expected back: only its session, or an operator, ends its membership (KIP-345).
    if (this.#options.groupInstanceId !== null) {
      this.memberId = null
      return
    }
    await requestLeave(this.#coordinator, this.groupId, memberId)
    this.memberId = null
  }
}
