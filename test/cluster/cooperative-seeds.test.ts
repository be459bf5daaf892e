/**
 * Members of a cooperative group, and of one that is changing over to it, come, go and die while records flow and handlers take their
 * time: nothing is lost, no partition is worked on by two without a generation in between, and what is handled twice had a reason.
 */
import { checkHistory, createCluster } from 'kafkarium'
import { expect, test } from 'vitest'
import { type PartitionAssigner, PartitionAssigners } from '../../src/client/index.ts'
import { GroupWork } from './group-work.ts'

/** 50, or what KAFKARIUM_SEARCH_SEEDS says. */
const SEEDS = Number(process.env.KAFKARIUM_SEARCH_SEEDS ?? 50)
const PARTITIONS = 6
const MEMBERS = ['a', 'b', 'c', 'd'] as const
const STEPS = 12

const { cooperativeSticky, roundRobin } = PartitionAssigners
const GROUPS: readonly (readonly PartitionAssigner[])[][] = [
  [[cooperativeSticky]],
  [[cooperativeSticky], [cooperativeSticky, roundRobin]],
]

/** Numerical Recipes' generator: the test's own draws, apart from the cluster's. */
function dice(seed: number) {
  let state = (seed * 2654435761) >>> 0
  return (sides: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}

interface Outcome {
  readonly handovers: number
  readonly crashes: number
  readonly again: number
}

async function run(seed: number): Promise<Outcome> {
  const roll = dice(seed + 1)
  await using cluster = createCluster({
    brokers: 3,
    seed,
    laws: true,
    history: true,
    config: { 'offsets.topic.num.partitions': 1, 'broker.session.timeout.ms': 3000 },
    topics: { orders: { partitions: PARTITIONS, replicationFactor: 3 } },
  })
  const admin = cluster.kafka({ clientId: 'elsewhere', logLevel: 0 }).admin()
  await admin.connect()
  const ask = async (times: number) => {
    for (let i = 0; i < times; i++) await admin.listTopics()
  }
  const work = new GroupWork(cluster, PARTITIONS)
  let crashes = 0
  let failovers = 0
  const start = (name: string) => {
    const known = work.processes.get(name)
    if (known !== undefined) return void known.restart()
    const kinds = GROUPS[seed % GROUPS.length] ?? []
    work.start(name, {
      assigners: kinds[roll(kinds.length)] ?? [],
      isStatic: roll(3) === 0,
      heartbeatInterval: 300 + 200 * roll(4),
      // Now and then a handler has something to ask elsewhere, sometimes for longer than a rebalance takes.
      work: () => (roll(3) === 0 ? ask(roll(12) === 0 ? 150 : 1) : undefined),
    })
  }
  const act = async () => {
    const name = MEMBERS[roll(MEMBERS.length)] as string
    const known = work.processes.get(name)
    switch (roll(6)) {
      case 0:
        if (known?.state !== 'running') return
        crashes += 1
        return known.crash()
      case 1:
        return known?.state === 'running' ? void known.stop() : undefined
      case 2: {
        // The coordinator goes in the middle of whatever the group does; nothing is produced meanwhile.
        const coordinator = cluster.group('billing').view()?.coordinator
        if (coordinator === undefined || roll(2) === 0) return
        failovers += 1
        cluster.faults.crash(coordinator)
        await cluster.advance(500 + 500 * roll(10))
        return cluster.heal()
      }
      default:
        if (known === undefined || known.state === 'crashed' || known.state === 'ended') start(name)
    }
  }
  try {
    for (const name of ['a', 'b', 'c']) start(name)
    await cluster.group('billing').stable({ members: 3 })
    for (let step = 0; step < STEPS; step++) {
      await work.feed(300 + 100 * roll(10))
      await act()
    }
    await cluster.heal()
    for (const name of ['a', 'b']) if (work.processes.get(name)?.state !== 'running') start(name)
    await work.caughtUp()
    const report = checkHistory(cluster.history(), { finalPolls: true })
    expect(report.ok, report.text).toBe(true)
    expect(report.findings.filter((one) => one.class === 'consume-loss' || one.class === 'unseen')).toEqual([])
    const again = work.handled.length - work.seen()
    // Who leaves, or gives a partition up, commits first.
    if (crashes === 0 && failovers === 0) expect(again).toBe(0)
    return { handovers: work.checkHandovers(), crashes, again }
  } catch (error) {
    const tail = cluster.trace
      .events()
      .slice(-25)
      .map((event) => JSON.stringify(event))
    throw new Error(`seed ${seed}: ${(error as Error).message}\n${tail.join('\n')}`)
  }
}

test(
  `${SEEDS} seeds of coming, going and dying: nothing is lost, no partition is two members’ at once`,
  async () => {
    const total = { handovers: 0, crashes: 0, again: 0 }
    for (let seed = 0; seed < SEEDS; seed++) {
      const outcome = await run(seed)
      total.handovers += outcome.handovers
      total.crashes += outcome.crashes
      total.again += outcome.again
    }
    console.log(`${JSON.stringify(total)} in ${SEEDS} seeds`)
    // Not vacuous.
    expect(total.handovers).toBeGreaterThan(SEEDS * 4)
    expect(total.crashes).toBeGreaterThan(SEEDS / 2)
  },
  60_000 + SEEDS * 2000,
)
