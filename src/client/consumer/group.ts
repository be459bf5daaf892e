/**
 * A consumer's place in its group: what it owns, and how it joins, stays and leaves. With the eager protocol, kafkajs's, it owns
 * nothing while it joins (KJ6); with the cooperative one it joins in the background and keeps what it has (KIP-429).
 */
import { viewError } from '../errors/classify.ts'
import { KafkaJSStaleTopicMetadataAssignment } from '../errors/general.ts'
import { consumerEvents } from '../events/names.ts'
import { createRetrier, type Retrier } from '../retry.ts'
import type { Assigner, Assignment } from '../types/assigners.ts'
import type { Logger } from '../types/logging.ts'
import { BackgroundRebalance } from './background-rebalance.ts'
import type { OwnedBatch } from './fetcher.ts'
import { InFlight } from './in-flight.ts'
import { type Joined, Joiner, Stopped } from './joiner.ts'
import type { Membership } from './membership.ts'
import { type AutoCommit, type MemberIdentity, Offsets } from './offsets.ts'
import type { ConsumerOptions } from './options.ts'
import { Reconciler } from './reconciler.ts'
import { SeekQueue } from './seek-queue.ts'
import { sameAssignment } from './server-membership.ts'
import { type Assigned, Subscription } from './subscription.ts'

interface GroupOptions extends ConsumerOptions {
  readonly topics: readonly string[]
  readonly fromBeginning: (topic: string) => boolean | undefined
  readonly assigners: readonly Assigner[]
  readonly autoCommit: AutoCommit
  readonly isStopping: () => boolean
  /** A join in the background failed: whoever works for this member has to stop, and to say what becomes of it. */
  readonly onFailure: (error: unknown) => void
  /** Partitions came in while the loops run. */
  readonly onAdded: () => void
}

export class GroupMembership {
  readonly groupId: string
  /**
   * Whether partitions are kept during a join: the highest protocol that all assigners support is in force (ConsumerCoordinator).
   * So assigners of both kinds together are eager, which is how a group changes over. With the consumer protocol they are kept, too.
   */
  readonly isCooperative: boolean
  readonly subscription = new Subscription()
  readonly seeks = new SeekQueue()
  readonly inFlight = new InFlight()
  readonly offsets: Offsets
  readonly #options: GroupOptions
  readonly #logger: Logger
  readonly #retrier: Retrier
  readonly #joiner: Joiner
  readonly #reconciler: Reconciler
  readonly #rebalance: BackgroundRebalance
  /** Of the last assignment; during a join the membership is further. */
  #identity: MemberIdentity | undefined
  #joining = false
  /** For the next assignment. */
  readonly #waiting: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = []
  #lastHeartbeat: number
  #heartbeat: Promise<void> | undefined

  constructor(options: GroupOptions) {
    const { context, assigners, isStopping, onFailure, onAdded } = options
    this.#options = options
    this.groupId = options.groupId
    this.isCooperative =
      this.#isServerAssigned ||
      (assigners.length > 0 && assigners.every(({ rebalanceProtocol }) => rebalanceProtocol === 'cooperative'))
    this.#logger = context.rootLogger.namespace('ConsumerGroup')
    this.#retrier = createRetrier(context.transport, options.retry)
    this.#lastHeartbeat = context.transport.now()
    this.#joiner = new Joiner({ ...options, isCooperative: this.isCooperative })
    this.offsets = new Offsets({ ...options, transport: context.transport, identity: () => this.assignedAs() })
    const onRevoked = () => this.#commitBeforeGivingUp()
    const { subscription, offsets, inFlight } = this
    this.#reconciler = new Reconciler({ subscription, offsets, inFlight, onRevoked, onAdded })
    this.#rebalance = new BackgroundRebalance({
      round: () => (this.#isServerAssigned ? this.#step() : this.#round()),
      onFailure: (error) => {
        for (const waiter of this.#waiting.splice(0)) waiter.reject(error)
        if (!isStopping()) onFailure(error)
      },
      isStopping,
    })
  }

  get #membership(): Membership {
    return this.#joiner.membership
  }

  /** `null` before the first join and after UNKNOWN_MEMBER_ID. */
  get memberId(): string | null {
    return this.#membership.memberId
  }

  /** Of the last assignment, -1 before the first. */
  get generationId(): number {
    return this.#membership.identity?.generationId ?? this.#identity?.generationId ?? -1
  }

  /** KIP-848: the coordinator assigns. */
  get #isServerAssigned(): boolean {
    return this.#options.groupProtocol === 'consumer'
  }

  /** As whom it speaks. @throws KafkaJSNonRetriableError before the first join */
  assignedAs(): MemberIdentity {
    const current = this.#membership.identity ?? this.#identity
    return current ?? { coordinator: this.#membership.coordinator, generationId: -1, memberId: '' }
  }

  async connect(): Promise<void> {
    const { cluster, emitter } = this.#options
    await cluster.connect()
    emitter.emit(consumerEvents.CONNECT)
    await cluster.refreshMetadataIfNecessary()
  }

  /** A join of a member that owns nothing, or gives up all it owns for it. */
  joinAndSync(): Promise<void> {
    const startedAt = this.#options.context.transport.now()
    return this.#retrier(async () => {
      const claim = { owned: {}, generationId: this.memberId === null ? -1 : this.generationId }
      this.subscription.assign(this.#take(await this.#joiner.attempt(claim, false)))
      this.offsets.restart(this.subscription.assigned())
      this.#tellJoined(startedAt)
    })
  }

  /** Cooperative only: joins in the background, unless that is under way. */
  rejoin(): void {
    if (!this.#joining) this.#rebalance.request()
  }

  /** Cooperative only: after the loops ended. What failed in the background is tried again. */
  resume(): void {
    if (this.isCooperative) this.#rebalance.resume()
  }

  /** Cooperative only: the membership is over, and with it all it owned (ConsumerCoordinator.onJoinPrepare, partitions lost). */
  async lose(): Promise<void> {
    if (!this.isCooperative) return
    this.#rebalance.forget()
    await this.#rebalance.settled()
    this.#rebalance.forget()
    if (this.#isServerAssigned) this.#membership.forget()
    this.#reconciler.lose()
  }

  /** The coordinator does not know the member any more: it joins as a new one. */
  forgetMemberId(): void {
    this.#membership.forget()
  }

  /** Says whether another round has to follow: what was given up waits for its next owner. */
  async #round(): Promise<boolean> {
    const { context, emitter, autoCommit } = this.#options
    const { groupId, memberId } = this
    this.#logger.info('The group is rebalancing, re-joining', { groupId, memberId })
    emitter.emit(consumerEvents.REBALANCING, { groupId, memberId })
    const startedAt = context.transport.now()
    const claim = { owned: this.#owned(), generationId: this.generationId }
    let target: Assigned
    this.#joining = true
    try {
      await this.#commitBeforeGivingUp()
      target = this.#take(await this.#retrier(() => this.#joiner.attempt(claim, true)))
    } finally {
      this.#joining = false
    }
    const hasRevoked = await this.#reconciler.reconcile(target)
    this.#tellJoined(startedAt)
    // What could not be committed while the group was rebalancing.
    if (autoCommit.enabled && !hasRevoked) await this.#commitBeforeGivingUp()
    return hasRevoked
  }

  /**
   * KIP-848: says what the member owns, and takes over what the coordinator gives. Says whether anything changed: then that is to
   * be said, too.
   */
  async #step(): Promise<boolean> {
    const { context, emitter } = this.#options
    const { groupId, memberId } = this
    const startedAt = context.transport.now()
    const owned = this.#owned()
    let target: Assigned
    this.#joining = true
    try {
      const claim = { owned, generationId: this.generationId }
      target = this.#take(await this.#retrier(() => this.#joiner.attempt(claim, true)))
      this.#lastHeartbeat = context.transport.now()
    } finally {
      this.#joining = false
    }
    const changes = !sameAssignment(owned, Object.fromEntries(target) as Assignment)
    if (changes) {
      this.#logger.info('The assignment changes', { groupId, memberId })
      emitter.emit(consumerEvents.REBALANCING, { groupId, memberId })
      await this.#reconciler.reconcile(target)
      this.#tellJoined(startedAt)
    }
    // What the coordinator did not take under the epoch before.
    await this.#commitBeforeGivingUp()
    return changes
  }

  /** From here on the member speaks as one of the new generation. */
  #take({ assignment, identity }: Joined): Assigned {
    this.#identity = identity
    for (const waiter of this.#waiting.splice(0)) waiter.resolve()
    return assignment
  }

  /** Cooperative only: resolves with the next assignment after that of the generation, rejects if there will be none. */
  async assignedAnew(generationId: number): Promise<void> {
    if (this.generationId !== generationId) return
    if (!this.#rebalance.isRunning) throw new Stopped()
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
    })
  }

  #owned(): Assignment {
    return Object.fromEntries([...this.subscription.assigned()].map(([topic, ids]) => [topic, [...ids]]))
  }

  /** What fails is handled again by the next owner: at least once. */
  async #commitBeforeGivingUp(): Promise<void> {
    if (!this.#options.autoCommit.enabled) return
    try {
      await this.offsets.commitResolved()
    } catch (error) {
      const { groupId, memberId } = this
      this.#logger.debug('Could not commit', { groupId, memberId, error: viewError(error).message })
    }
  }

  #tellJoined(startedAt: number): void {
    const { leaderId, isLeader, protocol } = this.#membership
    const payload = {
      groupId: this.groupId,
      memberId: this.memberId,
      leaderId,
      isLeader,
      memberAssignment: this.#owned(),
      groupProtocol: protocol,
      duration: this.#options.context.transport.now() - startedAt,
    }
    this.#options.emitter.emit(consumerEvents.GROUP_JOIN, payload)
    this.#logger.info('Consumer has joined the group', payload)
  }

  /** Whether a batch may still go to a handler. */
  owns({ topic, partition, tenure }: OwnedBatch): boolean {
    return this.offsets.progress(topic, partition) === tenure && !this.subscription.isRevoked(topic, partition)
  }

  /** Sought, or on its way to another member: whoever handles it should come to an end. */
  isStale(topic: string, partition: number): boolean {
    return this.seeks.has(topic, partition) || this.subscription.isRevoked(topic, partition)
  }

  /**
   * A subscribed topic may have partitions the last join did not know.
   *
   * @throws KafkaJSStaleTopicMetadataAssignment then, where a join stops the work
   */
  checkForStaleAssignment(): void {
    const grown = this.#joiner.known.grown()
    if (grown === undefined) return
    if (!this.isCooperative) throw new KafkaJSStaleTopicMetadataAssignment('Topic has been updated', grown)
    this.rejoin()
  }

  /**
   * Cooperative only: whether the work may go on after what the coordinator answered. A rebalance begins in the background then.
   *
   * @param generationId the one of the last assignment when the request was sent
   */
  absorbs(error: unknown, generationId: number): boolean {
    if (!this.isCooperative) return false
    const { type } = viewError(error)
    const isOld = this.#joining || generationId !== this.generationId
    // The coordinator has just moved; the next heartbeat comes in time.
    if (type === 'GROUP_LOAD_IN_PROGRESS' && this.#isServerAssigned) return true
    const isBehind = type === 'STALE_MEMBER_EPOCH' || type === 'REBALANCE_IN_PROGRESS'
    if (isBehind || type === 'NOT_COORDINATOR_FOR_GROUP') {
      if (!isOld || this.#isServerAssigned) this.rejoin()
      return true
    }
    if (type !== 'UNKNOWN_MEMBER_ID' && type !== 'ILLEGAL_GENERATION' && type !== 'FENCED_MEMBER_EPOCH') return false
    // The join will find out.
    if (isOld) return true
    this.subscription.revoke(this.subscription.without(new Map()))
    return false
  }

  /**
   * KJ5: `undefined` when the interval has not passed since the last one; callers at the same time share one. A member that is
   * waiting for the others to join is alive without.
   */
  heartbeat(intervalMs: number): Promise<void> | undefined {
    if (this.#heartbeat !== undefined) return this.#heartbeat
    if (this.#joining || this.memberId === null) return undefined
    const everyMs = this.#membership.heartbeatIntervalMs ?? intervalMs
    if (this.#options.context.transport.now() < this.#lastHeartbeat + everyMs) return undefined
    this.#heartbeat = this.#beat()
    return this.#heartbeat
  }

  async #beat(): Promise<void> {
    try {
      const hasNews = await this.#membership.heartbeat()
      this.#lastHeartbeat = this.#options.context.transport.now()
      if (hasNews) this.rejoin()
    } finally {
      this.#heartbeat = undefined
    }
  }

  async leave(): Promise<void> {
    if (this.isCooperative) await this.#commitBeforeGivingUp()
    await this.#membership.leave()
  }
}
