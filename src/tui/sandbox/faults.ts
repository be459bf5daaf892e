/** The sandbox's faults: a key hits the selected broker, or the brokers of the selected partition, and says what it did. */
import type { Cluster } from '../../index.ts'
import { ownPartitions, type Target } from '../models/cluster.ts'
import type { Notice } from './controller.ts'

export function fault(cluster: Cluster, type: 'crash' | 'restart' | 'cut' | 'heal', target: Target): Notice {
  switch (type) {
    case 'crash':
      return crash(cluster, target)
    case 'restart':
      return restart(cluster, target)
    case 'cut':
      return cut(cluster, target)
    case 'heal':
      return heal(cluster, target)
  }
}

function crash(cluster: Cluster, target: Target): Notice {
  const node = leaderOf(cluster, target)
  if (node < 0) return { id: 'sandbox.no-leader-to-hit' }
  if (!isUp(cluster, node)) return { id: 'sandbox.broker-down-already', params: { node } }
  cluster.faults.crash(node)
  return { id: 'sandbox.crashed', params: { node }, done: true }
}

function restart(cluster: Cluster, target: Target): Notice {
  // Of a partition: the first of its replicas that is down.
  const node = brokersOf(cluster, target).find((id) => !isUp(cluster, id))
  if (node === undefined) return { id: 'sandbox.nothing-down' }
  cluster.faults.restart(node)
  return { id: 'sandbox.restarted', params: { node }, done: true }
}

function cut(cluster: Cluster, target: Target): Notice {
  const from = leaderOf(cluster, target)
  if (from < 0) return { id: 'sandbox.no-leader-to-hit' }
  const others = target.kind === 'broker' ? cluster.nodes().map(({ id }) => id) : brokersOf(cluster, target)
  const links = others.filter((id) => id !== from && !isCut(cluster, from, id))
  if (links.length === 0) return { id: 'sandbox.cut-already', params: { node: from } }
  for (const id of links) cluster.faults.cut(from, id)
  return { id: 'sandbox.cut', params: { links: linkNames(from, links) }, done: true }
}

function heal(cluster: Cluster, target: Target): Notice {
  const own = brokersOf(cluster, target)
  const links = cluster
    .view()
    .cuts.filter(([a, b]) =>
      target.kind === 'broker' ? own.includes(a) || own.includes(b) : own.includes(a) && own.includes(b),
    )
  if (links.length === 0) return { id: 'sandbox.nothing-cut' }
  for (const [a, b] of links) cluster.faults.heal(a, b)
  return { id: 'sandbox.healed', params: { links: links.map(([a, b]) => `${a}-${b}`).join(', ') }, done: true }
}

/** The broker itself, or who leads the partition; -1 where nobody does. */
function leaderOf(cluster: Cluster, target: Target): number {
  return target.kind === 'broker' ? target.node : (partitionOf(cluster, target)?.leader ?? -1)
}

function brokersOf(cluster: Cluster, target: Target): readonly number[] {
  return target.kind === 'broker' ? [target.node] : (partitionOf(cluster, target)?.replicas ?? [])
}

function partitionOf(cluster: Cluster, target: Extract<Target, { kind: 'partition' }>) {
  return ownPartitions(cluster.view()).find(
    ({ topic, partition }) => topic === target.topic && partition === target.partition,
  )
}

function isUp(cluster: Cluster, node: number): boolean {
  return cluster.nodes().some(({ id, state }) => id === node && state === 'up')
}

function isCut(cluster: Cluster, a: number, b: number): boolean {
  return cluster.view().cuts.some(([left, right]) => left === Math.min(a, b) && right === Math.max(a, b))
}

function linkNames(from: number, others: readonly number[]): string {
  return others.map((id) => `${Math.min(from, id)}-${Math.max(from, id)}`).join(', ')
}
