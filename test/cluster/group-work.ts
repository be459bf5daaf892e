/** A group at work: members that note what they handle, and what can be asked of that afterwards. */
import type { ClientConfig, Cluster, ProcessContext, ProcessHandle } from 'kafkarium'
import { expect } from 'vitest'
import type { PartitionAssigner } from '../../src/client/index.ts'

export interface Handled {
  readonly at: number
  /** Null while it is at work, and for ever where its process died. */
  until: number | null
  readonly client: string
  readonly partition: number
  readonly offset: number
}

export interface Moment {
  readonly at: number
  readonly client: string
  readonly type: 'GROUP_JOIN' | 'REBALANCING'
  /** Of `orders`, after a join. */
  readonly partitions: readonly number[]
}

export interface WorkOptions {
  readonly assigners: readonly PartitionAssigner[]
  readonly heartbeatInterval?: number
  readonly sessionTimeout?: number
  readonly isStatic?: boolean
  /** Default 250. */
  readonly maxWaitTimeInMs?: number
  /** What the handler does with a message. */
  readonly work?: (client: string, partition: number) => Promise<void> | undefined
}

export class GroupWork {
  readonly handled: Handled[] = []
  readonly moments: Moment[] = []
  readonly processes = new Map<string, ProcessHandle>()
  /** Of each partition, how much was produced. */
  produced = 0
  readonly #cluster: Cluster
  readonly #partitions: number
  readonly #seen = new Set<string>()

  constructor(cluster: Cluster, partitions: number) {
    this.#cluster = cluster
    this.#partitions = partitions
  }

  start(client: string, options: WorkOptions): ProcessHandle {
    const handle = this.#cluster.process(client, (context) => this.#main(client, options, context))
    this.processes.set(client, handle)
    return handle
  }

  async #main(
    client: string,
    {
      assigners,
      heartbeatInterval = 500,
      sessionTimeout = 10_000,
      isStatic = false,
      maxWaitTimeInMs = 250,
      work,
    }: WorkOptions,
    { newKafka, onStop }: ProcessContext<ReturnType<Cluster['kafka']>, ClientConfig>,
  ): Promise<void> {
    const cluster = this.#cluster
    const consumer = newKafka({ clientId: client, logLevel: 0 }).consumer({
      groupId: 'billing',
      partitionAssigners: [...assigners],
      heartbeatInterval,
      sessionTimeout,
      maxWaitTimeInMs,
      ...(isStatic ? { groupInstanceId: client } : {}),
    })
    onStop(() => consumer.disconnect())
    consumer.on(consumer.events.GROUP_JOIN, ({ timestamp, payload }) => {
      const partitions = payload.memberAssignment.orders ?? []
      this.moments.push({ at: timestamp, client, type: 'GROUP_JOIN', partitions })
    })
    consumer.on(consumer.events.REBALANCING, ({ timestamp }) => {
      this.moments.push({ at: timestamp, client, type: 'REBALANCING', partitions: [] })
    })
    await consumer.connect()
    await consumer.subscribe({ topic: 'orders', fromBeginning: true })
    await consumer.run({
      partitionsConsumedConcurrently: 4,
      eachMessage: async ({ partition, message }) => {
        const one: Handled = { at: cluster.now, until: null, client, partition, offset: Number(message.offset) }
        this.handled.push(one)
        this.#seen.add(`${partition}-${message.offset}`)
        await work?.(client, partition)
        one.until = cluster.now
      },
    })
  }

  /** One record a partition every 100 ms. */
  async feed(forMs: number): Promise<void> {
    for (let past = 0; past < forMs; past += 100) {
      const value = String(this.produced)
      this.produced += 1
      await this.#cluster.produce(
        'orders',
        Array.from({ length: this.#partitions }, (_, partition) => ({ value, partition })),
      )
      await this.#cluster.advance(100)
    }
  }

  async caughtUp(): Promise<void> {
    const group = this.#cluster.group('billing')
    await this.#cluster.until(
      () => this.seen() === this.produced * this.#partitions && group.view()?.state === 'Stable' && group.lag() === 0,
      {
        within: '10m',
        what: 'all to be handled and committed',
      },
    )
  }

  /** Different records that were handled. */
  seen(): number {
    return this.#seen.size
  }

  /**
   * In every partition, a generation began between the work of one member and that of the next, and the former had ended what it did.
   *
   * @returns how often a partition went from one to another
   */
  checkHandovers(): number {
    const began = this.#cluster
      .group('billing')
      .history()
      .map((one) => one.began)
    let handovers = 0
    for (let partition = 0; partition < this.#partitions; partition += 1) {
      const work = this.handled.filter((one) => one.partition === partition)
      for (const [index, one] of work.entries()) {
        const before = work[index - 1]
        if (before === undefined || before.client === one.client) continue
        handovers += 1
        const where = `${partition}: ${before.client} from ${before.at} to ${before.until}, then ${one.client} at ${one.at}`
        expect(before.until === null || before.until <= one.at, where).toBe(true)
        expect(
          began.some((at) => at >= before.at && at <= one.at),
          where,
        ).toBe(true)
      }
    }
    return handovers
  }

  /** For every rebalance of a member that stayed: what it did on partitions it had before and after, between leaving off and joining. */
  rebalances(): { readonly client: string; readonly worked: number; readonly longestPauseMs: number }[] {
    return this.moments.flatMap((moment, index) => {
      if (moment.type !== 'REBALANCING') return []
      const { client, at } = moment
      const own = this.moments.filter((one) => one.client === client && one.type === 'GROUP_JOIN')
      const before = own.filter((one) => this.moments.indexOf(one) < index).at(-1)
      const next = own.find((one) => this.moments.indexOf(one) > index)
      if (before === undefined || next === undefined) return []
      const kept = before.partitions.filter((partition) => next.partitions.includes(partition))
      const mine = this.handled.filter((one) => one.client === client && kept.includes(one.partition))
      const worked = mine.filter((one) => one.at > at && one.at < next.at).length
      const pauses = kept.map((partition) => {
        const times = mine.filter((one) => one.partition === partition).map((one) => one.at)
        const last = times.filter((time) => time <= at).at(-1) ?? at
        const around = [last, ...times.filter((time) => time > at && time <= next.at + 300)]
        return Math.max(0, ...around.slice(1).map((time, i) => time - (around[i] as number)))
      })
      return [{ client, worked, longestPauseMs: Math.max(0, ...pauses) }]
    })
  }
}
