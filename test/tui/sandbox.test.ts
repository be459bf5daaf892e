/** The live cluster behind the sandbox, at sixteen times its pace. */
import { afterEach, expect, test } from 'vitest'
import { createCluster } from '../../src/index.ts'
import { partitionModels } from '../../src/tui/models/cluster.ts'
import { type GroupDetail, groupDetail } from '../../src/tui/models/group.ts'
import { offsetsRows } from '../../src/tui/models/offsets.ts'
import { groupModels, partitionBars } from '../../src/tui/models/sandbox.ts'
import { partitionLogRows, transactionRows } from '../../src/tui/models/transactions.ts'
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
    const deadline = Date.now() + 30_000
    while (!holds(now())) {
      if (Date.now() > deadline) throw new Error(`not within 30 s: ${what}`)
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

const detailOf = ({ view, histories, positions }: SandboxSnapshot, group: string): GroupDetail | null =>
  groupDetail(group, {
    view,
    history: histories.get(group) ?? [],
    positions: positions.get(group) ?? new Map(),
  })
const memberOf = (snapshot: SandboxSnapshot, group: string, client: string) =>
  detailOf(snapshot, group)?.members.find((member) => member.client === client)
const isSettled = (snapshot: SandboxSnapshot, group: string, members: number) => {
  const detail = detailOf(snapshot, group)
  return detail?.state === 'Stable' && detail.members.length === members
}

test('positions and commits follow what is read; the history tells why generations ended', async () => {
  const { do: act, now, until } = await start()
  await until('all nine are read and committed', (snapshot) => {
    const rows = detailOf(snapshot, 'billing')?.partitions ?? []
    return (
      written(snapshot) === 9 &&
      rows.length === 3 &&
      rows.every((row) => row.committed === row.logEndOffset && row.lag === 0)
    )
  })
  for (const { position, committed } of detailOf(now(), 'billing')?.partitions ?? []) expect(position).toBe(committed)
  await act({ type: 'add-consumer' })
  await until('three share', (snapshot) => isSettled(snapshot, 'billing', 3))
  const ended = now()
    .histories.get('billing')
    ?.find(({ endReason }) => endReason?.includes('consumer-3'))
  expect(ended?.endReason).toMatch(/^member consumer-3-\S+ joined$/)
  expect(detailOf(now(), 'billing')?.rebalance).toMatchObject({ at: ended?.ended })
})

test('a frozen consumer is alive and silent; thawed in time it is heard again, else it is dropped', async () => {
  const { do: act, now, until } = await start()
  await until('two members', (snapshot) => isSettled(snapshot, 'billing', 2))
  await act({ type: 'speed', speed: 8 })
  await act({ type: 'freeze-consumer', client: 'consumer-1' })
  expect(now().notice).toEqual({ id: 'sandbox.frozen', params: { client: 'consumer-1' }, done: true })
  await until('it is silent for long', (snapshot) => memberOf(snapshot, 'billing', 'consumer-1')?.late === true)
  expect(memberOf(now(), 'billing', 'consumer-1')?.process).toBe('frozen')
  await act({ type: 'stop-consumer', client: 'consumer-1' })
  expect(now().notice).toEqual({ id: 'sandbox.frozen-hears-nothing', params: { client: 'consumer-1' } })
  await act({ type: 'freeze-consumer', client: 'consumer-1' })
  expect(now().notice?.id).toBe('sandbox.thawed')
  await until('it is heard again', (snapshot) => memberOf(snapshot, 'billing', 'consumer-1')?.late === false)

  await act({ type: 'freeze-consumer', client: 'consumer-1' })
  await until('it is dropped', (snapshot) => isSettled(snapshot, 'billing', 1))
  await act({ type: 'kill-consumer', client: 'consumer-1' })
  expect(now().notice?.id).toBe('sandbox.killed')
  await act({ type: 'kill-consumer', client: 'consumer-1' })
  expect(now().notice).toEqual({ id: 'sandbox.consumer-gone', params: { client: 'consumer-1' } })
})

test('static members keep their place: killed and back in time, nobody rebalances', async () => {
  const { do: act, now, until } = await start()
  await act({ type: 'add-group' })
  expect(now().groups).toEqual(['audit', 'billing'])
  await act({ type: 'add-consumer', group: 'audit' })
  await until('two static members', (snapshot) => isSettled(snapshot, 'audit', 2))
  await act({ type: 'speed', speed: 2 })
  const before = detailOf(now(), 'audit')
  expect(before?.members.map(({ instance }) => instance)).toEqual(['audit-1', 'audit-2'])
  const old = memberOf(now(), 'audit', 'audit-2')?.id
  await act({ type: 'kill-consumer', group: 'audit', client: 'audit-2' })
  expect(memberOf(now(), 'audit', 'audit-2')?.process).toBe('gone')
  await act({ type: 'add-consumer', group: 'audit' })
  expect(now().notice).toEqual({ id: 'sandbox.static-back', params: { client: 'audit-2' }, done: true })
  await until('it is back under a new id', (snapshot) => {
    const id = memberOf(snapshot, 'audit', 'audit-2')?.id
    return id !== undefined && id !== old
  })
  expect(detailOf(now(), 'audit')).toMatchObject({ generation: before?.generation, state: 'Stable' })
  await until('it reads on', (snapshot) => {
    const rows = detailOf(snapshot, 'audit')?.partitions ?? []
    return rows.length === 3 && rows.every(({ position, highWatermark }) => position === highWatermark)
  })
  await act({ type: 'stop-consumer', group: 'audit', client: 'audit-1' })
  expect(now().notice?.id).toBe('sandbox.static-stays')
  expect(memberOf(now(), 'audit', 'audit-1')?.process).toBe('gone')

  await act({ type: 'add-group' })
  await act({ type: 'add-group' })
  expect(now().notice).toEqual({ id: 'sandbox.max-groups', params: { count: 3 } })
})

test('an empty group can be deleted: a tombstone for each of its keys', async () => {
  const { do: act, now, until } = await start()
  await until('all is committed', (snapshot) => {
    const rows = detailOf(snapshot, 'billing')?.partitions ?? []
    return written(snapshot) === 9 && rows.length === 3 && rows.every(({ lag }) => lag === 0)
  })
  await act({ type: 'delete-group', group: 'billing' })
  expect(now().notice).toEqual({ id: 'sandbox.group-not-empty', params: { group: 'billing' } })
  await act({ type: 'stop-consumer' })
  await act({ type: 'stop-consumer' })
  await until('it is empty', (snapshot) => detailOf(snapshot, 'billing')?.state === 'Empty')
  await act({ type: 'delete-group', group: 'billing' })
  expect(now().notice?.id).toBe('sandbox.group-deleted')
  expect(now().groups).toEqual([])
  const kept = offsetsRows(now().offsets).filter((row) => row.kept)
  expect(kept.map(({ where, value }) => `${where} ${value.type}`).sort()).toEqual([
    'null tombstone',
    'orders-0 tombstone',
    'orders-1 tombstone',
    'orders-2 tombstone',
  ])
  await act({ type: 'delete-group', group: 'billing' })
  expect(now().notice).toEqual({ id: 'sandbox.group-not-found', params: { group: 'billing' } })
})

test('the offsets topic is compacted while one looks: superseded records go, the newest of each key stay', async () => {
  const { do: act, now, until } = await start()
  await until('two members', (snapshot) => isSettled(snapshot, 'billing', 2))
  expect(now().offsets[0]?.offset).toBe(0)
  const deadline = Date.now() + 40_000
  while (now().offsets[0]?.offset === 0) {
    if (Date.now() > deadline) throw new Error('not compacted within 40 s')
    await act({ type: 'produce', count: 10 })
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const kept = offsetsRows(now().offsets).filter((row) => row.kept)
  const keys = kept.map(({ kind, where }) => where ?? kind).sort()
  expect(keys).toEqual(['group-metadata', 'orders-0', 'orders-1', 'orders-2'])
}, 30_000)

const transactionOf = ({ view }: SandboxSnapshot) =>
  transactionRows(view).map(({ state, partitions }) => `${state} ${partitions.join(' ')}`.trim())
const logsOf = ({ view, logs }: SandboxSnapshot) => partitionLogRows(view, logs, 100)

test('a transaction: readers wait in front of it, go on with its commit, and skip it when it is aborted', async () => {
  const { do: act, now, until } = await start()
  await until('all nine are read', (snapshot) => {
    const rows = detailOf(snapshot, 'billing')?.partitions ?? []
    return written(snapshot) === 9 && rows.length === 3 && rows.every(({ lag }) => lag === 0)
  })
  await act({ type: 'commit' })
  expect(now().notice).toEqual({ id: 'txns.none-begun' })
  await act({ type: 'kill-producer' })
  expect(now().notice).toEqual({ id: 'txns.no-producer' })
  await act({ type: 'speed', speed: 1 })
  await act({ type: 'begin' })
  expect(now().notice).toEqual({ id: 'txns.begun', params: { id: 'checkout' }, done: true })
  expect(transactionOf(now())).toEqual(['Empty'])
  await act({ type: 'begin' })
  expect(now().notice).toEqual({ id: 'txns.begun-already' })
  await act({ type: 'write' })
  expect(now().notice).toEqual({ id: 'txns.written', params: { count: 2 }, done: true })
  expect(transactionOf(now())).toEqual(['Ongoing orders-0 orders-1'])
  await until('two are written', (snapshot) => logsOf(snapshot).filter(({ open }) => open !== null).length === 2)
  for (const { name, open, cells, lastStableOffset, logEndOffset } of logsOf(now())) {
    expect(open?.transactionalId ?? null, name).toBe(name === 'orders-2' ? null : 'checkout')
    expect(
      cells.filter((cell) => cell === 'open'),
      name,
    ).toHaveLength(name === 'orders-2' ? 0 : 1)
    expect(logEndOffset - lastStableOffset, name).toBe(name === 'orders-2' ? 0 : 1)
  }
  await act({ type: 'commit' })
  expect(now().notice).toEqual({ id: 'txns.committed', done: true })
  await until('its markers are there', (snapshot) => logsOf(snapshot).every(({ open }) => open === null))
  expect(logsOf(now()).map(({ cells }) => cells.at(-1))).toEqual(['commit-marker', 'commit-marker', 'record'])
  await until('it is over', (snapshot) => transactionOf(snapshot).join() === 'CompleteCommit')

  await act({ type: 'begin' })
  await act({ type: 'write' })
  await act({ type: 'abort' })
  expect(now().notice).toEqual({ id: 'txns.aborted', done: true })
  await until('what was written counts as aborted', (snapshot) =>
    logsOf(snapshot).every(
      ({ name, cells }) => name === 'orders-0' || cells.slice(-2).join() === 'aborted,abort-marker',
    ),
  )
  expect(now().events.map(({ type }) => type)).toContain('transaction')
}, 40_000)

test('a producer dies with its transaction: its coordinator aborts it in time, or its successor at once', async () => {
  const { do: act, now, until } = await start()
  await until('nine records are written', (snapshot) => written(snapshot) === 9)
  await act({ type: 'begin' })
  await act({ type: 'write' })
  await until('it is open', (snapshot) => logsOf(snapshot).some(({ open }) => open !== null))
  await act({ type: 'kill-producer' })
  expect(now().notice).toEqual({ id: 'txns.killed.open', params: { id: 'checkout', seconds: 30 }, done: true })
  await until('it is aborted for its age', (snapshot) => transactionOf(snapshot).join().startsWith('CompleteAbort'))
  expect(now().events.some((event) => event.type === 'transaction.timeout')).toBe(true)

  await act({ type: 'begin' })
  await act({ type: 'write' })
  await until('another one is open', (snapshot) => logsOf(snapshot).some(({ open }) => open !== null))
  await act({ type: 'kill-producer' })
  const before = now().elapsedMs
  await act({ type: 'begin' })
  expect(now().notice?.id).toBe('txns.begun')
  await until('nobody waits', (snapshot) => logsOf(snapshot).every(({ open }) => open === null))
  expect(now().elapsedMs - before).toBeLessThan(25_000)
}, 40_000)

test('who lets the time-out pass is told, and begins anew', async () => {
  const { do: act, now, until } = await start()
  await act({ type: 'begin' })
  await act({ type: 'write' })
  await until('it is aborted for its age', (snapshot) => transactionOf(snapshot).join().startsWith('CompleteAbort'))
  await act({ type: 'write' })
  expect(now().notice).toEqual({ id: 'txns.fenced', params: { id: 'checkout' } })
  await act({ type: 'begin' })
  expect(now().notice?.id).toBe('txns.begun')
  await act({ type: 'pause', paused: true })
  void act({ type: 'write' })
  await act({ type: 'commit' })
  expect(now().notice).toEqual({ id: 'txns.busy' })
}, 40_000)

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
