/** The laws over the whole world: every broker's own, and those that hold between replicas. */
import { LAWS, type PartitionLog } from '../broker/index.ts'
import { firstViolation, type Law, type Violation } from '../kernel/index.ts'
import { lastOffsetOf } from '../protocol/records.ts'
import type { World } from './world.ts'

/** The first broken law, or null. */
export function violationIn(world: World): Violation | null {
  for (const node of world.nodes.values()) {
    const violation = firstViolation(LAWS, node.broker)
    if (violation !== null) return violation
  }
  return firstViolation(REPLICA_LAWS, world)
}

const REPLICA_LAWS: readonly Law<World>[] = [
  {
    id: 'R1',
    sentence: 'There is at most one leader of a partition in one leader epoch.',
    check(world) {
      const leaders = new Map<string, number>()
      for (const node of world.nodes.values()) {
        if (!node.up) continue
        for (const [partition, { epoch }] of node.broker.leading) {
          const key = `${partition} in epoch ${epoch}`
          const other = leaders.get(key)
          if (other !== undefined) return `${key}: broker ${other} and broker ${node.id}`
          leaders.set(key, node.id)
        }
      }
      return null
    },
  },
  {
    id: 'R2',
    sentence: 'The leader is an in-sync replica or there is none; in-sync replicas are replicas.',
    check(world) {
      for (const { name, partitions } of world.controller.image.topics.values()) {
        for (const { partition, leader, isr, replicas } of partitions) {
          if (leader >= 0 && !isr.includes(leader))
            return `${name}-${partition}: leader ${leader}, ISR ${isr.join(', ')}`
          if (isr.length === 0 || isr.some((id) => !replicas.includes(id)))
            return `${name}-${partition}: ISR ${isr.join(', ')} of ${replicas.join(', ')}`
        }
      }
      return null
    },
  },
  {
    id: 'L3',
    sentence: 'For any two replicas the records below both high watermarks are identical, epochs included.',
    check(world) {
      for (const [name, log, other, a, b] of replicaPairs(world)) {
        const upTo = Math.min(log.highWatermark, other.highWatermark)
        const left = lastBatchBelow(log, upTo)
        const right = lastBatchBelow(other, upTo)
        if (left === undefined && right === undefined) continue
        const same =
          left !== undefined &&
          right !== undefined &&
          left.baseOffset === right.baseOffset &&
          left.partitionLeaderEpoch === right.partitionLeaderEpoch &&
          left.records === right.records
        if (!same) return `${name}: below ${upTo} broker ${a} has ${show(left)}, broker ${b} has ${show(right)}`
      }
      return null
    },
  },
  {
    id: 'R4',
    sentence: 'Every running in-sync replica holds all that a leader ever showed as committed.',
    check(world) {
      for (const topic of world.controller.image.topics.values()) {
        for (const { partition, isr } of topic.partitions) {
          const key = `${topic.id}-${partition}`
          for (const node of world.nodes.values()) {
            const log = node.broker.logs.get(topic.name)?.[partition]
            if (log !== undefined && node.broker.leading.has(`${topic.name}-${partition}`)) {
              world.trueHighWatermarks.set(key, Math.max(world.trueHighWatermarks.get(key) ?? 0, log.highWatermark))
            }
          }
          const shown = world.trueHighWatermarks.get(key) ?? 0
          for (const id of isr) {
            const node = world.nodes.get(id)
            const end = node?.broker.logs.get(topic.name)?.[partition]?.logEndOffset ?? 0
            if (node?.up === true && end < shown && node.broker.image.offset === world.controller.log.length) {
              return `${topic.name}-${partition}: ${shown} was shown as committed, in-sync broker ${id} ends at ${end}`
            }
          }
        }
      }
      return null
    },
  },
]

function* replicaPairs(world: World): Iterable<readonly [string, PartitionLog, PartitionLog, number, number]> {
  for (const { name, partitions } of world.controller.image.topics.values()) {
    for (const { partition, replicas } of partitions) {
      for (let i = 0; i < replicas.length; i++) {
        for (let j = i + 1; j < replicas.length; j++) {
          const [a, b] = [replicas[i] as number, replicas[j] as number]
          const left = world.nodes.get(a)?.broker.logs.get(name)?.[partition]
          const right = world.nodes.get(b)?.broker.logs.get(name)?.[partition]
          if (left !== undefined && right !== undefined) yield [`${name}-${partition}`, left, right, a, b]
        }
      }
    }
  }
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
