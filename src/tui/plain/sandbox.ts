/** The sandbox without a terminal: a short tour of it on virtual time, so it is the same every time and done at once. */
import type { Translate } from '../../course/i18n/catalog.ts'
import type { Locale } from '../../course/i18n/locale.ts'
import type { CreateCluster } from '../../course/player.ts'
import { memberNames, sentence } from '../../course/sentences.ts'
import type { TraceEvent } from '../../index.ts'
import { partitionModels } from '../models/cluster.ts'
import { clock } from '../models/sandbox.ts'
import { isShown, SANDBOX_WORLD, type SandboxSnapshot } from '../sandbox/controller.ts'
import { createGroupRecorder } from '../sandbox/group-recorder.ts'
import { createTransactions, TRANSACTION_TIMEOUT_MS, TRANSACTIONAL_ID } from '../sandbox/transactions.ts'
import { paint } from '../term/color.ts'
import { ASCII } from '../term/glyphs.ts'
import type { Line } from '../term/text.ts'
import type { ViewContext } from '../views/context.ts'
import { groupTabs, groupViewLines } from '../views/group.ts'
import { offsetsHead, offsetsLines } from '../views/offsets.ts'
import { transactionLines } from '../views/transactions.ts'

export interface PlainSandboxOptions {
  readonly t: Translate
  readonly locale: Locale
  readonly createCluster: CreateCluster
  readonly write: (line: string) => void
}

const TOPIC = 'orders'
const GROUP = 'billing'
const LOST_BROKER = 3
/** Wide enough for every column of the tables. */
const COLUMNS = 110

export async function playPlainSandbox({ t, locale, createCluster, write }: PlainSandboxOptions): Promise<void> {
  const cluster = createCluster({ ...SANDBOX_WORLD, trace: 'full' })
  try {
    const started = cluster.view().now
    const seen: TraceEvent[] = []
    const fresh: TraceEvent[] = []
    cluster.trace.onEvent((event) => {
      seen.push(event)
      if (isShown(event)) fresh.push(event)
    })
    const recorder = createGroupRecorder(cluster)
    const snapshot = (): SandboxSnapshot => {
      const view = cluster.view()
      return {
        view,
        events: [],
        names: memberNames(seen),
        ...recorder.record(view, []),
        elapsedMs: view.now - started,
        startedAt: started,
        paused: false,
        speed: 1,
        notice: null,
      }
    }
    const context = { t, locale, glyphs: ASCII, columns: COLUMNS, rows: Number.POSITIVE_INFINITY }
    const draw = (lines: readonly Line[]) => {
      for (const line of lines) write(paint(line, 0).trimEnd())
    }
    const tell = (...message: Parameters<Translate>) => {
      write('')
      write(t(...message))
    }
    const flush = () => {
      const names = memberNames(seen)
      for (const event of fresh.splice(0))
        write(`${clock(event.time - started).padStart(9)}  ${sentence(event, names, t)}`)
    }
    const consumer = (name: string) =>
      cluster.process(name, async ({ newKafka }) => {
        const reader = newKafka({ logLevel: 0 }).consumer({
          groupId: GROUP,
          sessionTimeout: 10_000,
          heartbeatInterval: 1_000,
        })
        await reader.connect()
        await reader.subscribe({ topic: TOPIC, fromBeginning: true })
        await reader.run({ eachMessage: async () => {} })
      })

    write(t('sandbox.plain.intro'))
    tell('sandbox.plain.join')
    const first = consumer('consumer-1')
    consumer('consumer-2')
    await cluster.group(GROUP).stable({ members: 2 })
    flush()
    tell('sandbox.plain.produce')
    await cluster.produce(
      TOPIC,
      Array.from({ length: 12 }, (_unused, index) => ({ key: `customer-${index % 7}`, value: `order ${index}` })),
    )
    await cluster.advance('2s')
    flush()
    tell('sandbox.plain.crash')
    first.crash()
    await cluster.advance('4s')
    flush()
    tell('sandbox.plain.waiting')
    draw(pictureOf(GROUP, snapshot(), context))
    write('')
    await cluster.advance('16s')
    flush()

    tell('sandbox.plain.broker', { node: LOST_BROKER })
    cluster.faults.crash(LOST_BROKER)
    await cluster.advance('10s')
    flush()

    write('')
    const view = cluster.view()
    for (const { name, leader, epoch, isr, replicas } of partitionModels(view)) {
      const leads = leader < 0 ? t('sandbox.leader.none') : t('sandbox.leader', { leader })
      write(`${name}: ${leads}, ${t('sandbox.epoch', { epoch })}, ${t('sandbox.isr', { isr: isr.join(', ') })}`)
      for (const { node, role, highWatermark: hw, end: leo } of replicas) {
        write(`  ${t('sandbox.plain.replica', { node, role: t(`sandbox.replica.${role}`), hw, leo })}`)
      }
    }
    tell('sandbox.plain.group')
    draw(pictureOf(GROUP, snapshot(), context))
    tell('sandbox.plain.offsets')
    draw(offsetsOf(GROUP, snapshot(), context))

    const transactions = createTransactions(cluster)
    await transactions.begin()
    await transactions.write()
    await cluster.produce(
      TOPIC,
      [0, 1].map((partition) => ({ key: 'behind', value: 'behind', partition })),
    )
    await cluster.advance('2s')
    tell('sandbox.plain.open', { id: TRANSACTIONAL_ID })
    flush()
    draw(transactionLines(snapshot(), context))
    tell('sandbox.plain.open.killed', { seconds: TRANSACTION_TIMEOUT_MS / 1000 })
    transactions.kill()
    await cluster.advance(TRANSACTION_TIMEOUT_MS)
    flush()
    tell('sandbox.plain.aborted')
    draw(transactionLines(snapshot(), context))
    write('')
    write(t('sandbox.plain.end'))
  } finally {
    await cluster.dispose()
  }
}

/** The views of the terminal, without their bars. */
function pictureOf(group: string, snapshot: SandboxSnapshot, context: ViewContext): Line[] {
  return [
    groupTabs(snapshot, group, context),
    ...groupViewLines(snapshot, { group, member: null, generations: 8, bars: false }, context),
  ]
}

function offsetsOf(group: string, snapshot: SandboxSnapshot, context: ViewContext): Line[] {
  return [
    ...offsetsHead(snapshot, group, context),
    ...offsetsLines(snapshot, { group, rows: snapshot.offsets.length, scroll: 0 }, context),
  ]
}
