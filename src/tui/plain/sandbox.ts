/** The sandbox without a terminal: a short tour of it on virtual time, so it is the same every time and done at once. */
import type { Translate } from '../../course/i18n/catalog.ts'
import type { CreateCluster } from '../../course/player.ts'
import { memberNames, sentence } from '../../course/sentences.ts'
import type { TraceEvent } from '../../index.ts'
import { partitionModels } from '../models/cluster.ts'
import { clock, groupModels } from '../models/sandbox.ts'
import { isShown, SANDBOX_WORLD } from '../sandbox/controller.ts'

export interface PlainSandboxOptions {
  readonly t: Translate
  readonly createCluster: CreateCluster
  readonly write: (line: string) => void
}

const TOPIC = 'orders'
const GROUP = 'billing'
const LOST_BROKER = 3

export async function playPlainSandbox({ t, createCluster, write }: PlainSandboxOptions): Promise<void> {
  const cluster = createCluster({ ...SANDBOX_WORLD, trace: 'full' })
  try {
    const started = cluster.view().now
    const seen: TraceEvent[] = []
    const fresh: TraceEvent[] = []
    cluster.trace.onEvent((event) => {
      seen.push(event)
      if (isShown(event)) fresh.push(event)
    })
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
    await cluster.advance('20s')
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
    for (const group of groupModels(view)) {
      write(
        `${group.id}: ${t(`group.state.${group.state}`)}, ${t('sandbox.generation', { generation: group.generation })}`,
      )
      for (const member of group.members) {
        const lag = member.lag === null ? t('sandbox.lag.none') : t('sandbox.lag', { lag: member.lag })
        write(`  ${member.client}: ${member.partitions.join(', ') || t('sandbox.idle')}, ${lag}`)
      }
    }
    write('')
    write(t('sandbox.plain.end'))
  } finally {
    await cluster.dispose()
  }
}
