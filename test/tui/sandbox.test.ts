/** The live cluster behind the sandbox, at sixteen times its pace. */
import { afterEach, expect, test } from 'vitest'
import { createCluster } from '../../src/index.ts'
import { partitionModels } from '../../src/tui/models/cluster.ts'
import { groupModels, partitionBars } from '../../src/tui/models/sandbox.ts'
import { openSandbox, type Sandbox, type SandboxSnapshot } from '../../src/tui/sandbox/controller.ts'

let sandbox: Sandbox | null = null
afterEach(async () => {
  await sandbox?.close()
  sandbox = null
})

async function start() {
  let latest: SandboxSnapshot | null = null
  const opened = openSandbox(createCluster, (snapshot) => {
    latest = snapshot
  })
  sandbox = opened
  const now = (): SandboxSnapshot => {
    if (!latest) throw new Error('no snapshot yet')
    return latest
  }
  const until = async (what: string, holds: (snapshot: SandboxSnapshot) => boolean) => {
    const deadline = Date.now() + 8_000
    while (!holds(now())) {
      if (Date.now() > deadline) throw new Error(`not within 8 s: ${what}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  await opened.do({ type: 'speed', speed: 16 })
  return { do: opened.do, now, until }
}

const owners = ({ view }: SandboxSnapshot) =>
  groupModels(view).flatMap((group) =>
    group.members.map(({ client, partitions }) => `${client}: ${partitions.join(' ')}`),
  )
const written = ({ view }: SandboxSnapshot) => partitionBars(view).reduce((sum, bar) => sum + bar.end, 0)
const isStable = ({ view }: SandboxSnapshot) => view.groups.every((group) => group.state === 'Stable')

test('it is alive before the first key, and keys change it', async () => {
  const { do: act, now, until } = await start()
  await until('two members share three partitions', (snapshot) => isStable(snapshot) && owners(snapshot).length === 2)
  await until('nine records are written', (snapshot) => written(snapshot) === 9)
  await act({ type: 'produce', count: 10 })
  await until('ten more', (snapshot) => written(snapshot) === 19)
  expect(now().events.some((event) => event.type === 'append' && event.client === 'shop')).toBe(true)

  await act({ type: 'add-consumer' })
  await until('each of three has one', (snapshot) => isStable(snapshot) && owners(snapshot).length === 3)
  expect(owners(now())).toEqual(['consumer-1: orders-0', 'consumer-2: orders-1', 'consumer-3: orders-2'])
})

test('a killed consumer keeps its partitions until its session times out; a polite one gives them back at once', async () => {
  const { do: act, now, until } = await start()
  await until('two members', (snapshot) => isStable(snapshot) && owners(snapshot).length === 2)
  await act({ type: 'kill-consumer' })
  expect(owners(now())).toHaveLength(2)
  await until('one is silent for long', ({ view }) =>
    groupModels(view).some((group) => group.members.some((member) => member.late)),
  )
  await until('the other has all', (snapshot) => owners(snapshot).join() === 'consumer-1: orders-0 orders-1 orders-2')
  const leave = now().events.find((event) => event.type === 'group.leave')
  expect(leave?.type === 'group.leave' && leave.reason).toContain('session timeout')

  await act({ type: 'add-consumer' })
  await until('two again', (snapshot) => isStable(snapshot) && owners(snapshot).length === 2)
  const before = now().elapsedMs
  await act({ type: 'stop-consumer' })
  await until('one again', (snapshot) => isStable(snapshot) && owners(snapshot).length === 1)
  expect(now().elapsedMs - before).toBeLessThan(9_000)
})

test('paused, time stands still; a step moves it by one event; reset starts again', async () => {
  const { do: act, now, until } = await start()
  await until('two members', (snapshot) => isStable(snapshot) && owners(snapshot).length === 2)
  await act({ type: 'step' })
  expect(now().notice?.id).toBe('sandbox.pause-first')
  await act({ type: 'pause', paused: true })
  const stopped = now().view.now
  await new Promise((resolve) => setTimeout(resolve, 150))
  expect(now().view.now).toBe(stopped)
  expect(now().paused).toBe(true)
  for (let i = 0; i < 5; i += 1) await act({ type: 'step' })
  expect(now().view.now).toBeGreaterThan(stopped)
  await act({ type: 'reset' })
  expect(now()).toMatchObject({ paused: false, speed: 1, notice: null })
  expect(now().elapsedMs).toBeLessThan(1_000)
})

test('what cannot be done says why', async () => {
  const { do: act, now } = await start()
  for (let i = 0; i < 8; i += 1) await act({ type: 'add-consumer' })
  expect(now().notice).toEqual({ id: 'sandbox.max-consumers', params: { count: 6 } })
  for (let i = 0; i < 7; i += 1) await act({ type: 'kill-consumer' })
  expect(now().notice).toEqual({ id: 'sandbox.no-consumer' })
})

test('a broker dies: another leads; it comes back and copies what it missed', async () => {
  const { do: act, now, until } = await start()
  await until('nine records are written', (snapshot) => written(snapshot) === 9)
  await act({ type: 'crash', target: { kind: 'partition', topic: 'orders', partition: 0 } })
  expect(now().notice).toEqual({ id: 'sandbox.crashed', params: { node: 1 }, done: true })
  expect(partitionModels(now().view)[0]?.replicas[0]).toMatchObject({ node: 1, role: 'down' })
  await until('another leads', ({ view }) => partitionModels(view)[0]?.leader === 2)
  expect(now().events.map(({ type }) => type)).toContain('leader')
  await act({ type: 'crash', target: { kind: 'broker', node: 1 } })
  expect(now().notice).toEqual({ id: 'sandbox.broker-down-already', params: { node: 1 } })
  await act({ type: 'produce', count: 12 })
  await act({ type: 'restart', target: { kind: 'partition', topic: 'orders', partition: 0 } })
  expect(now().notice).toMatchObject({ id: 'sandbox.restarted', params: { node: 1 } })
  await until('it has caught up', ({ view }) =>
    partitionModels(view).every(
      ({ isr, replicas }) => isr.length === 3 && replicas.every(({ end }) => end === replicas[0]?.end),
    ),
  )
  await act({ type: 'restart', target: { kind: 'broker', node: 2 } })
  expect(now().notice).toEqual({ id: 'sandbox.nothing-down' })
})

test('links are cut and healed; followers behind one fall back and leave the in-sync replicas', async () => {
  const { do: act, now, until } = await start()
  await until('nine records are written', (snapshot) => written(snapshot) === 9)
  await act({ type: 'heal', target: { kind: 'broker', node: 1 } })
  expect(now().notice).toEqual({ id: 'sandbox.nothing-cut' })
  await act({ type: 'cut', target: { kind: 'broker', node: 3 } })
  expect(now().notice).toMatchObject({ id: 'sandbox.cut', params: { links: '1-3, 2-3' }, done: true })
  expect(now().view.cuts).toEqual([
    [1, 3],
    [2, 3],
  ])
  await act({ type: 'cut', target: { kind: 'broker', node: 3 } })
  expect(now().notice).toEqual({ id: 'sandbox.cut-already', params: { node: 3 } })
  void act({ type: 'produce', count: 10 })
  await until('it is behind', ({ view }) =>
    partitionModels(view).some(
      ({ leader, replicas }) => leader === 1 && replicas.some(({ role }) => role === 'behind'),
    ),
  )
  await act({ type: 'heal', target: { kind: 'partition', topic: 'orders', partition: 0 } })
  expect(now().view.cuts).toEqual([])
  await until('all are in sync', ({ view }) => partitionModels(view).every(({ isr }) => isr.length === 3))
})

test('what is on its way is counted, step by step', async () => {
  const { do: act, now, until } = await start()
  await until('nine records are written', (snapshot) => written(snapshot) === 9)
  await act({ type: 'pause', paused: true })
  const stepUntil = async (kind: keyof SandboxSnapshot['view']['inFlight']) => {
    for (let i = 0; now().view.inFlight[kind] === 0; i += 1) {
      if (i > 500) throw new Error(`no ${kind} within 500 steps`)
      await act({ type: 'step' })
    }
  }
  void act({ type: 'produce', count: 10 })
  await until('a request is under way', ({ view }) => view.inFlight.requests > 0)
  await stepUntil('replication')
  await stepUntil('responses')
  await act({ type: 'crash', target: { kind: 'broker', node: 3 } })
  await act({ type: 'restart', target: { kind: 'broker', node: 3 } })
  await stepUntil('metadata')
})

test('a partition without a leader cannot lose one', async () => {
  const { do: act, now, until } = await start()
  await until('nine records are written', (snapshot) => written(snapshot) === 9)
  for (const node of [1, 2, 3]) await act({ type: 'crash', target: { kind: 'broker', node } })
  await until('nobody leads', ({ view }) => partitionModels(view).every(({ leader }) => leader < 0))
  for (const type of ['crash', 'cut'] as const) {
    await act({ type, target: { kind: 'partition', topic: 'orders', partition: 1 } })
    expect(now().notice).toEqual({ id: 'sandbox.no-leader-to-hit' })
  }
  await act({ type: 'restart', target: { kind: 'partition', topic: 'orders', partition: 1 } })
  expect(now().notice).toMatchObject({ id: 'sandbox.restarted' })
})
