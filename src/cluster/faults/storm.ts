/** Draws faults of a profile while time passes, and remembers what it did. */
import { isInternal } from '../../broker/index.ts'
import { faultyLinks } from '../links.ts'
import { arm, type World } from '../world.ts'
import { applyFault, type Fault, faultProblem } from './fault.ts'
import { FAULT_KINDS, type FaultKind, type FaultProfile } from './profile.ts'
import { describeFault } from './text.ts'

export interface Storm {
  /** What happened, in order; times are virtual milliseconds since the Unix epoch. */
  readonly faults: readonly { readonly at: number; readonly fault: Fault }[]
  stop(): void
}

/** Faults begin and end at random until `stop`. A draw of what is impossible now is no fault. */
export function startStorm(world: World, profile: FaultProfile): Storm {
  const faults: { at: number; fault: Fault }[] = []
  let stopped = false
  let lossy = 0
  const next = () => {
    arm(world, profile.everyMs, 'daemon', { type: 'control', label: 'the next fault of the storm', run: turn })
  }
  const turn = () => {
    if (stopped) return
    const fault = draw(world, profile, lossy)
    if (fault !== null && faultProblem(world, fault) === null) {
      if (fault.type === 'crash' && fault.unflushed === 'some') lossy += 1
      faults.push({ at: world.now, fault })
      applyFault(world, fault)
    }
    next()
  }
  next()
  return {
    faults,
    stop() {
      stopped = true
    },
  }
}

/** What a storm did, a line a fault. */
export function describeStorm({ faults }: Storm, began: number): string[] {
  return faults.map(({ at, fault }) => `  ${String(at - began).padStart(7)} ms  ${describeFault(fault)}`)
}

function draw(world: World, profile: FaultProfile, lossy: number): Fault | null {
  const { chooser } = world
  if (chooser.choose('faults.repair', profile.repairs) === 0) return repair(world)
  const kinds = FAULT_KINDS.filter((kind) => kind !== 'lossy-crash' || lossy < profile.mostLossy)
  const total = kinds.reduce((sum, kind) => sum + profile.weights[kind], 0)
  let at = chooser.choose('faults.kind', total + 1) - 1
  for (const kind of kinds) {
    if (at >= 0 && at < profile.weights[kind]) return begin(world, profile, kind)
    at -= profile.weights[kind]
  }
  return null
}

function begin(world: World, profile: FaultProfile, kind: FaultKind): Fault | null {
  const ids = [...world.nodes.keys()]
  const pick = <T>(site: string, from: readonly T[]): T => from[world.chooser.choose(site, from.length)] as T
  if (kind === 'controller') return { type: 'crash-controller' }
  if (kind === 'move-leader') return moveAnyLeader(world)
  const node = pick('faults.node', ids)
  if (kind === 'cut' || kind === 'one-way-cut' || kind === 'slow') {
    const ends = ['controller', 'clients', ...ids.filter((id) => id !== node)] as const
    const to = pick('faults.end', ends)
    if (kind === 'cut') return { type: 'cut', from: node, to }
    const [a, b] = world.chooser.choose('faults.direction', 2) === 0 ? [node, to] : [to, node]
    return kind === 'slow'
      ? { type: 'slow', from: a, to: b, ms: profile.slowMs, oneWay: true }
      : { type: 'cut', from: a, to: b, oneWay: true }
  }
  if (kind === 'disconnect') return { type: 'disconnect', node }
  if (!isDisturbed(world, node) && disturbed(world) >= profile.mostDisturbed) return null
  switch (kind) {
    case 'crash':
      return { type: 'crash', node }
    case 'lossy-crash':
      return { type: 'crash', node, unflushed: 'some' }
    case 'stop':
      return { type: 'stop', node }
    case 'pause':
      return { type: 'pause', node }
    case 'isolate':
      return { type: 'isolate', node, clients: world.chooser.choose('faults.clients', 2) === 1 }
    case 'disk':
      return { type: 'fill-disk', node }
  }
}

function moveAnyLeader(world: World): Fault | null {
  const moves: Fault[] = []
  for (const { name, partitions } of world.controller.image.topics.values()) {
    // The fifty partitions of the offsets topic would drown the others.
    if (isInternal(name)) continue
    for (const { partition, isr, leader } of partitions) {
      for (const to of isr) if (to !== leader) moves.push({ type: 'move-leader', topic: name, partition, to })
    }
  }
  return moves.length === 0 ? null : (moves[world.chooser.choose('faults.leader', moves.length)] as Fault)
}

/** Ends one of the faults there are. */
function repair(world: World): Fault | null {
  const possible: Fault[] = []
  for (const node of world.nodes.values()) {
    if (node.broker.diskFull) possible.push({ type: 'free-disk', node: node.id })
    else if (!node.up) possible.push({ type: 'restart', node: node.id })
    if (node.paused) possible.push({ type: 'resume', node: node.id })
  }
  for (const { from, to } of faultyLinks(world)) possible.push({ type: 'heal', from, to })
  return possible.length === 0 ? null : (possible[world.chooser.choose('faults.which', possible.length)] as Fault)
}

function disturbed(world: World): number {
  let count = 0
  for (const id of world.nodes.keys()) if (isDisturbed(world, id)) count += 1
  return count
}

function isDisturbed(world: World, id: number): boolean {
  const node = world.nodes.get(id)
  if (node === undefined || !node.up || node.paused || node.stopping !== null || node.broker.diskFull) return true
  const cuts = faultyLinks(world).filter(({ from, to, cut }) => cut && (from === id || to === id))
  return cuts.length >= world.nodes.size
}
