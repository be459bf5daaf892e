/**
 * What must happen once everything is healed, each within a deadline: the liveness duties of a cluster (V1–V7, V9; V8 for
 * groups that are named). A duty that is not met in time is a stall.
 */
import {
  assignedPartitions,
  type ClassicGroup,
  type Group,
  lastStableOffset,
  logOf,
  OFFSETS_TOPIC,
} from '../../broker/index.ts'
import { TRANSACTION_TOPIC } from '../../broker/metadata.ts'
import { abortedBy } from '../../broker/transactions/timeouts.ts'
import { isOver, type Transaction } from '../../broker/transactions/transaction.ts'
import { applyFault } from '../faults/fault.ts'
import { groupView } from '../group-view.ts'
import { leaderLog } from '../leader-log.ts'
import { faultyLinks } from '../links.ts'
import { endNode } from '../nodes.ts'
import type { World } from '../world.ts'

export interface Duty {
  /** Stable: law texts, tests and docs name it. */
  readonly id: string
  readonly sentence: string
  /** What is still missing, or null. */
  missing(world: World): string | null
}

/** How calls that write records are named (`OpenCall.label`: the client, then the call). */
const PRODUCES = /(^|: )(producer\.send|cluster\.produce)/

export const DUTIES: readonly Duty[] = [
  {
    id: 'V1',
    sentence: 'Every produce is acknowledged or rejected.',
    missing(world) {
      const open = [...world.calls].filter(({ label, process }) => PRODUCES.test(label) && process.state === 'running')
      if (open.length > 0) return open.map(({ label }) => label).join(', ')
      // With acks=0 nobody waits for it.
      for (const { clientId, node, inFlight } of world.connections.values()) {
        if (inFlight.some(({ api }) => api === 'Produce')) return `${clientId} has one under way to broker ${node.id}`
      }
      return null
    },
  },
  {
    id: 'V2',
    sentence: 'Every record the leader has is on all replicas, and committed.',
    missing(world) {
      for (const { name, partition, leader, replicas } of partitions(world)) {
        const own = world.nodes.get(leader)
        const log = own === undefined ? undefined : logOf(own.broker, name, partition)
        if (log === undefined) continue
        for (const id of replicas) {
          const node = world.nodes.get(id)
          const other = node === undefined ? undefined : logOf(node.broker, name, partition)
          if (other?.logEndOffset !== log.logEndOffset || other.highWatermark !== log.logEndOffset) {
            return `${name}-${partition}: the leader, broker ${leader}, ends at ${log.logEndOffset}, broker ${id} at ${other?.logEndOffset ?? 'nothing'} with HW ${other?.highWatermark ?? '-'}`
          }
        }
      }
      return null
    },
  },
  {
    id: 'V3',
    sentence: 'All replicas are in sync, and every partition has a leader.',
    missing(world) {
      for (const { name, partition, leader, replicas, isr } of partitions(world)) {
        if (leader < 0) return `${name}-${partition} has no leader`
        if (isr.length < replicas.length) {
          return `${name}-${partition}: in sync are ${isr.join(', ')} of ${replicas.join(', ')}`
        }
      }
      return null
    },
  },
  {
    id: 'V4',
    sentence: 'Every broker knows all metadata.',
    missing(world) {
      for (const { id, broker } of world.nodes.values()) {
        const { offset } = broker.image
        if (offset !== world.controller.log.length)
          return `broker ${id} knows ${offset} of ${world.controller.log.length} metadata records`
      }
      return null
    },
  },
  {
    id: 'V5',
    sentence: 'No broker is fenced.',
    missing(world) {
      for (const { id, fenced } of world.controller.image.brokers.values()) if (fenced) return `broker ${id} is fenced`
      return null
    },
  },
  {
    id: 'V6',
    sentence:
      'Every group with members is Stable, all of them live, and every partition they subscribe to has an owner.',
    missing(world) {
      for (const [id, group] of coordinatedGroups(world)) {
        if (group === 'no coordinator') return `group ${id} has no coordinator`
        if (group.members.size === 0) continue
        if (group.state !== 'Stable') return `group ${id} is ${group.state}`
        for (const { id: member, connection } of group.members.values()) {
          // Who lives is heard of on a connection that is there; a coordinator that has just loaded has heard of nobody yet.
          const owner = world.connections.get(connection)?.process
          if (owner?.state !== 'running')
            return `group ${id} still counts on ${member}, ${owner === undefined ? 'which is not connected' : `whose process "${owner.name}" is ${owner.state}`}`
        }
        const orphan = group.type === 'classic' ? partitionWithoutOwner(world, group) : null
        if (orphan !== null) return `group ${id}: nobody has ${orphan}`
      }
      return null
    },
  },
  {
    id: 'V7',
    sentence:
      'Every transaction is complete, and whoever reads committed records can read all there is: at the latest when its coordinator has aborted what took too long.',
    missing(world) {
      for (const [id, transaction, deadline] of coordinatedTransactions(world)) {
        if (transaction === 'no coordinator') return `transaction ${id} has no coordinator`
        const { state, pending } = transaction
        if (state === 'Ongoing' && pending === null)
          return `transaction ${id} is Ongoing, and is aborted at ${deadline} ms at the latest`
        if (!isOver(transaction) || pending !== null) return `transaction ${id} is ${state}`
      }
      for (const { name, partition } of partitions(world)) {
        const log = leaderLog(world, name, partition)
        const stable = log === undefined ? 0 : lastStableOffset(log)
        if (log === undefined || stable >= log.highWatermark) continue
        const [open] = log.transactions.open
        return `${name}-${partition} is stable up to ${stable} of ${log.highWatermark}${open === undefined ? '' : `: producer ${open[1]} has a transaction open from ${open[0]} on that no coordinator knows`}`
      }
      return null
    },
  },
  {
    id: 'V9',
    sentence: 'Every proposed ISR is accepted or refused.',
    missing(world) {
      for (const { id, broker } of world.nodes.values()) {
        for (const [key, { proposed }] of broker.leading) {
          if (proposed !== null) return `broker ${id} waits for its proposal for ${key}: ${proposed.join(', ')}`
        }
      }
      return null
    },
  },
]

/** V8: the group has read and committed all there is. Only for groups that are meant to. */
function lagOf(world: World, id: string): string | null {
  const view = groupView(world, id)
  if (view === null) return `nobody knows group ${id}`
  for (const { topic, partition, lag, logEndOffset } of view.offsets)
    if (lag === null || lag > 0)
      return `group ${id} lags ${lag ?? 'unknown'} behind ${logEndOffset} in ${topic}-${partition}`
  for (const { assignment } of view.members) {
    for (const { topic, partition } of assignment) {
      if (view.offsets.some((known) => known.topic === topic && known.partition === partition)) continue
      const end = leaderLog(world, topic, partition)?.highWatermark ?? 0
      if (end > 0) return `group ${id} has committed nothing of ${topic}-${partition}, which ends at ${end}`
    }
  }
  return null
}

/** Every group some replica of `__consumer_offsets` knows, as its coordinator has it. */
function* coordinatedGroups(world: World): Iterable<readonly [string, Group | 'no coordinator']> {
  const offsets = world.controller.image.topics.get(OFFSETS_TOPIC)
  for (const { partition, leader } of offsets?.partitions ?? []) {
    const shard = world.nodes.get(leader)?.broker.shards.get(partition)
    const log = leaderLog(world, OFFSETS_TOPIC, partition)
    if (shard === undefined && (log?.logEndOffset ?? 0) > 0)
      yield [`of ${OFFSETS_TOPIC}-${partition}`, 'no coordinator']
    for (const group of shard?.groups.values() ?? []) yield [group.id, group]
  }
}

/** A coordinator of a classic group does not assign, so somebody may have been forgotten. */
function partitionWithoutOwner(world: World, group: ClassicGroup): string | null {
  if (group.subscribedTopics === null || group.subscribedTopics.size === 0) return null
  const owned = new Set([...group.members.values()].flatMap(({ assignment }) => assignedPartitions(assignment)))
  for (const topic of group.subscribedTopics) {
    for (const { partition } of world.controller.image.topics.get(topic)?.partitions ?? [])
      if (!owned.has(`${topic}-${partition}`)) return `${topic}-${partition}`
  }
  return null
}

/** Every transactional id, as its coordinator has it, and when that aborts what is open. */
function* coordinatedTransactions(
  world: World,
): Iterable<readonly [string, Transaction | 'no coordinator', deadline: number]> {
  const topic = world.controller.image.topics.get(TRANSACTION_TOPIC)
  for (const { partition, leader } of topic?.partitions ?? []) {
    const broker = world.nodes.get(leader)?.broker
    const shard = broker?.transactions.shards.get(partition)
    if (broker === undefined || shard === undefined) {
      if ((leaderLog(world, TRANSACTION_TOPIC, partition)?.logEndOffset ?? 0) > 0)
        yield [`of ${TRANSACTION_TOPIC}-${partition}`, 'no coordinator', Infinity]
      continue
    }
    for (const transaction of shard.transactions.values())
      yield [transaction.id, transaction, abortedBy(broker, transaction)]
  }
}

function* partitions(world: World) {
  for (const topic of world.controller.image.topics.values()) {
    for (const info of topic.partitions) yield { name: topic.name, ...info }
  }
}

/** Ends every fault there is. */
export function healAll(world: World): void {
  applyFault(world, { type: 'heal' })
  for (const node of world.nodes.values()) {
    // Who is about to stop does so now, and comes back.
    if (node.stopping !== null) endNode(world, node, { why: 'stop', unflushed: 'kept' })
    if (node.broker.diskFull) applyFault(world, { type: 'free-disk', node: node.id })
    if (!node.up) applyFault(world, { type: 'restart', node: node.id })
    else if (node.paused) applyFault(world, { type: 'resume', node: node.id })
  }
}

/** Asked after every event of a cluster that heals: it says no as soon as one is not met. */
export function dutiesAreMet(world: World, caughtUp: readonly string[]): boolean {
  if (!DUTIES.every(({ missing }) => missing(world) === null) || faultyLinks(world).length > 0) return false
  return caughtUp.every((group) => lagOf(world, group) === null)
}

/** The duties not met now, a line each. */
export function missingDuties(world: World, caughtUp: readonly string[]): string[] {
  const out: string[] = []
  for (const { id, sentence, missing } of DUTIES) {
    const what = missing(world)
    if (what !== null) out.push(`${id} ${sentence} ${what}`)
  }
  for (const group of caughtUp) {
    const lag = lagOf(world, group)
    if (lag !== null) out.push(`V8 The groups named have read and committed everything. ${lag}`)
  }
  if (faultyLinks(world).length > 0) out.push('some links are cut or slow again')
  return out
}
