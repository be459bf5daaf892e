/** The laws over the whole world: every broker's own, and those that hold between replicas. */
import {
  type BrokerState,
  LAWS,
  logByKey,
  type PartitionInfo,
  type PartitionLog,
  type TopicInfo,
} from '../broker/index.ts'
import { firstViolation, type Law, type Violation } from '../kernel/index.ts'
import { lastOffsetOf } from '../protocol/records.ts'
import type { World } from './world.ts'

/** The first law that is broken by what the last event touched, or null. */
export function violationIn(world: World): Violation | null {
  const touched = new Set<string>()
  for (const { broker } of world.nodes.values()) {
    if (broker.touched.groups.size > 0 || broker.touched.partitions.size > 0) {
      const violation = firstViolation(LAWS, broker)
      if (violation !== null) return violation
      for (const key of broker.touched.partitions) touched.add(key)
    }
    forgetTouched(broker)
  }
  if (touched.size === 0) return null
  return firstViolation(REPLICA_LAWS, { world, partitions: partitionsOf(world, touched) })
}

export function forgetTouched({ touched }: BrokerState): void {
  touched.partitions.clear()
  touched.groups.clear()
}

interface Scope {
  readonly world: World
  readonly partitions: readonly { readonly topic: TopicInfo; readonly info: PartitionInfo; readonly name: string }[]
}

function partitionsOf(world: World, keys: ReadonlySet<string>): Scope['partitions'] {
  const out = []
  for (const name of keys) {
    const dash = name.lastIndexOf('-')
    const topic = world.controller.image.topics.get(name.slice(0, dash))
    const info = topic?.partitions[Number(name.slice(dash + 1))]
    if (topic !== undefined && info !== undefined) out.push({ topic, info, name })
  }
  return out
}

const REPLICA_LAWS: readonly Law<Scope>[] = [
  {
    id: 'R1',
    sentence: 'There is at most one leader of a partition in one leader epoch.',
    check({ world, partitions }) {
      for (const { name } of partitions) {
        const leaders = new Map<number, number>()
        for (const node of world.nodes.values()) {
          const epoch = node.up ? node.broker.leading.get(name)?.epoch : undefined
          if (epoch === undefined) continue
          const other = leaders.get(epoch)
          if (other !== undefined) return `${name} in epoch ${epoch}: broker ${other} and broker ${node.id}`
          leaders.set(epoch, node.id)
        }
      }
      return null
    },
  },
  {
    id: 'R2',
    sentence:
      'The leader is an in-sync replica or there is none; in-sync and eligible replicas are replicas and apart; before KIP-966 the ISR is never empty.',
    check({ world, partitions }) {
      for (const { name, info } of partitions) {
        const { leader, isr, elr, replicas } = info
        const lists = `leader ${leader}, ISR ${isr.join(', ')}, ELR ${elr.join(', ')} of ${replicas.join(', ')}`
        if (leader >= 0 && !isr.includes(leader)) return `${name}: ${lists}`
        if ([...isr, ...elr].some((id) => !replicas.includes(id)) || isr.some((id) => elr.includes(id)))
          return `${name}: ${lists}`
        // Before KIP-966 the last in-sync replica stays, and nobody is eligible besides.
        if (!world.controller.switches.elr && (isr.length === 0 || elr.length > 0)) return `${name}: ${lists}`
      }
      return null
    },
  },
  {
    id: 'L3',
    sentence: 'For any two replicas the records below both high watermarks are identical, epochs included.',
    check({ world, partitions }) {
      for (const { name, topic, info } of partitions) {
        if (world.uncleanPartitions.has(`${topic.id}-${info.partition}`)) continue
        const logs = info.replicas.map((id) => ({ id, log: logAt(world, id, name) }))
        for (const [i, { id: a, log }] of logs.entries()) {
          for (const { id: b, log: other } of logs.slice(i + 1)) {
            if (log === undefined || other === undefined) continue
            const upTo = Math.min(log.highWatermark, other.highWatermark)
            const left = lastBatchBelow(log, upTo)
            const right = lastBatchBelow(other, upTo)
            if (!sameBatch(left, right))
              return `${name}: below ${upTo} broker ${a} has ${show(left)}, broker ${b} has ${show(right)}`
          }
        }
      }
      return null
    },
  },
  {
    id: 'R4',
    sentence: 'Every running in-sync or eligible replica holds all that a leader ever showed as committed.',
    check({ world, partitions }) {
      for (const { name, topic, info } of partitions) {
        const key = `${topic.id}-${info.partition}`
        if (world.uncleanPartitions.has(key)) continue
        let shown = world.trueHighWatermarks.get(key) ?? 0
        for (const node of world.nodes.values()) {
          if (node.up && node.broker.leading.has(name))
            shown = Math.max(shown, logAt(world, node.id, name)?.highWatermark ?? 0)
        }
        world.trueHighWatermarks.set(key, shown)
        for (const id of [...info.isr, ...info.elr]) {
          const node = world.nodes.get(id)
          // One that has yet to hear what the controller decided is judged when it has.
          if (node?.up !== true || node.broker.image.offset !== world.controller.log.length) continue
          const end = logAt(world, id, name)?.logEndOffset ?? 0
          if (end < shown)
            return `${name}: ${shown} was shown as committed, broker ${id}, in sync or eligible, ends at ${end}`
        }
      }
      return null
    },
  },
]

function logAt(world: World, id: number, key: string): PartitionLog | undefined {
  const node = world.nodes.get(id)
  return node === undefined ? undefined : logByKey(node.broker, key)
}

type Batch = PartitionLog['batches'][number]

function sameBatch(a: Batch | undefined, b: Batch | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.baseOffset === b.baseOffset && a.partitionLeaderEpoch === b.partitionLeaderEpoch && a.records === b.records
}

/** The last batch that lies wholly below an offset: batches are immutable, so it stands for all before it. */
function lastBatchBelow(log: PartitionLog, offset: number) {
  for (let i = log.batches.length - 1; i >= 0; i--) {
    const batch = log.batches[i] as PartitionLog['batches'][number]
    if (lastOffsetOf(batch) < offset) return batch
  }
  return undefined
}

function show(batch: ReturnType<typeof lastBatchBelow>): string {
  return batch === undefined
    ? 'nothing'
    : `${batch.baseOffset}–${lastOffsetOf(batch)} of epoch ${batch.partitionLeaderEpoch}`
}
