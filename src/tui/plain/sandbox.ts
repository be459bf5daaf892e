/** The sandbox without a terminal: a short tour of it on virtual time, so it is the same every time and done at once. */
import type { Translate } from '../../course/i18n/catalog.ts'
import type { CreateCluster } from '../../course/player.ts'
import { isStory } from '../../course/recorder.ts'
import { memberNames, sentence } from '../../course/sentences.ts'
import type { TraceEvent } from '../../index.ts'
import { clock, groupModels, partitionBars } from '../models/sandbox.ts'
import { SANDBOX_WORLD } from '../sandbox/controller.ts'

export interface PlainSandboxOptions {
  readonly t: Translate
  readonly createCluster: CreateCluster
  readonly write: (line: string) => void
}

const TOPIC = 'orders'
const GROUP = 'billing'

export async function playPlainSandbox({ t, createCluster, write }: PlainSandboxOptions): Promise<void> {
  const cluster = createCluster({ ...SANDBOX_WORLD, trace: 'full' })
  try {
    const started = cluster.view().now
    const seen: TraceEvent[] = []
    const fresh: TraceEvent[] = []
    cluster.trace.onEvent((event) => {
      seen.push(event)
      if (isStory(event)) fresh.push(event)
    })
    const tell = (sentenceId: Parameters<Translate>[0]) => {
      write('')
      write(t(sentenceId))
    }
    const flush = () => {
      const names = memberNames(seen)
      for (const event of fresh.splice(0))
        write(`${clock(event.time - started).padStart(9)}  ${sentence(event, names, t)}`)
    }
    const consumer = (name: string) =>
      cluster.process(name, async ({ kafka }) => {
        const reader = kafka.consumer({ groupId: GROUP, sessionTimeout: 10_000, heartbeatInterval: 1_000 })
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

    write('')
    const view = cluster.view()
    for (const bar of partitionBars(view)) {
      write(`${bar.name}: ${t('sandbox.leader', { leader: bar.leader })}, HW ${bar.highWatermark}, LEO ${bar.end}`)
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
