/**
 * The history of groups: every generation with who owned what and why it ended, put together from what coordinators tell. It
 * outlives coordinators; a number may come twice, because a generation that was never stored dies with its coordinator.
 */
import type { Fact } from '../kernel/index.ts'
import type { GenerationView } from './view.ts'
import type { World } from './world.ts'

/** How many generations of a group are kept: `serve` runs for days. */
const KEPT = 1000

interface Generation {
  readonly generation: number
  readonly began: number
  readonly reason: string
  stableAt: number | null
  ended: number | null
  endReason: string | null
  readonly owners: Map<string, readonly string[]>
}

export interface GroupHistory {
  readonly generations: Generation[]
  /** Client ids by member id. */
  readonly clients: Map<string, string>
  /** Why the rebalance that is under way began. */
  reason: string
}

export function rememberGeneration(world: World, fact: Fact): void {
  switch (fact.type) {
    case 'group.join':
      historyOf(world, fact.group).clients.set(fact.member, fact.client)
      return
    // KIP-848: no rebalance ends one target assignment and begins another; the next one just is there.
    case 'group.target': {
      const history = historyOf(world, fact.group)
      end(world, history, fact.reason)
      begin(world, history, fact.epoch, fact.reason)
      return
    }
    case 'group.leave':
      // A static member under another id: it has what its former self had.
      if (fact.cause === 'replaced') historyOf(world, fact.group).generations.at(-1)?.owners.delete(fact.member)
      return
    case 'group.assignment': {
      const history = historyOf(world, fact.group)
      const present = history.generations.at(-1)
      if (present?.generation === fact.generation) present.owners.set(fact.member, fact.partitions)
      return
    }
    case 'group.state':
      return stateChanged(world, fact)
  }
}

function stateChanged(world: World, { group, to, generation, reason }: Extract<Fact, { type: 'group.state' }>): void {
  const history = historyOf(world, group)
  const present = history.generations.at(-1)
  if (to === 'Stable') {
    // Members that reconcile may fall behind again and catch up: it counts when they first had.
    if (present !== undefined) present.stableAt ??= world.now
    return
  }
  if (to === 'Reconciling') return
  end(world, history, reason)
  if (to === 'PreparingRebalance') history.reason = reason
  if (to === 'CompletingRebalance') begin(world, history, generation, history.reason)
}

function end(world: World, { generations }: GroupHistory, reason: string): void {
  const present = generations.at(-1)
  if (present === undefined || present.ended !== null) return
  present.ended = world.now
  present.endReason = reason
}

function begin(world: World, history: GroupHistory, generation: number, reason: string): void {
  history.generations.push({
    generation,
    began: world.now,
    reason,
    stableAt: null,
    ended: null,
    endReason: null,
    owners: new Map(),
  })
  if (history.generations.length > KEPT) history.generations.shift()
  forgetClients(history)
}

/** Only of members in generations that are kept, and of those that have just joined. */
function forgetClients({ generations, clients }: GroupHistory): void {
  if (clients.size < 4 * KEPT) return
  const known = new Set(generations.flatMap(({ owners }) => [...owners.keys()]))
  const last = [...clients.keys()].slice(-KEPT)
  for (const member of last) known.add(member)
  for (const member of [...clients.keys()]) if (!known.has(member)) clients.delete(member)
}

function historyOf(world: World, group: string): GroupHistory {
  let history = world.groupHistory.get(group)
  if (history === undefined) {
    history = { generations: [], clients: new Map(), reason: '' }
    world.groupHistory.set(group, history)
  }
  return history
}

export function generationsOf(world: World, group: string): GenerationView[] {
  const history = world.groupHistory.get(group)
  if (history === undefined) return []
  return history.generations.map(({ owners, ...generation }) => ({
    ...generation,
    owners: [...owners].map(([member, partitions]) => ({
      member,
      clientId: history.clients.get(member) ?? '',
      partitions: [...partitions],
    })),
  }))
}
