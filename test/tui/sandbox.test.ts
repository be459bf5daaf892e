/** The live cluster behind the sandbox, at sixteen times its pace. */
import { afterEach, expect, test } from 'vitest'
import { createCluster } from '../../src/index.ts'
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
