/**
 * The links between brokers, the controller and the clients, each direction on its own. Like TCP: what is sent over one link
 * arrives in order (law K5); while it is cut, what was sent waits and arrives when it is healed, unless that takes longer than
 * a connection lasts.
 */
import { intConfig } from '../broker/index.ts'
import { noteSent } from './laws/link-laws.ts'
import { arm, latency, type Task, type World } from './world.ts'

/** One end of a link: a broker, the controller, or all clients together. */
export type LinkEnd = number | 'controller' | 'clients'

export interface Links {
  readonly cut: Set<number>
  /** Extra milliseconds. */
  readonly slow: Map<number, number>
  /** When the last message arrives, so that none overtakes it. */
  readonly lastArrival: Map<number, number>
  /** What was sent over a cut link, oldest first. */
  held: { readonly link: number; readonly at: number; readonly task: Task }[]
}

const MOST_ENDS = 65_536

/** A link's number: cheaper than a name, there is one a message. */
function linkOf(from: LinkEnd, to: LinkEnd): number {
  return numberOf(from) * MOST_ENDS + numberOf(to)
}

function numberOf(end: LinkEnd): number {
  return end === 'controller' ? 0 : end === 'clients' ? MOST_ENDS - 1 : end
}

function endOf(number: number): LinkEnd {
  return number === 0 ? 'controller' : number === MOST_ENDS - 1 ? 'clients' : number
}

export function isCut(world: World, from: LinkEnd, to: LinkEnd): boolean {
  const { cut } = world.links
  return cut.size > 0 && cut.has(linkOf(from, to))
}

/** Milliseconds a message takes that leaves now. */
export function delayOf(world: World, from: LinkEnd, to: LinkEnd): number {
  return latency(world) + slownessOf(world, from, to)
}

/** The same towards or from a client: one over a real network has that network's latency, and a fault's on top. */
export function clientDelayOf(
  world: World,
  { direct }: { readonly direct: boolean },
  from: LinkEnd,
  to: LinkEnd,
): number {
  return direct ? slownessOf(world, from, to) : delayOf(world, from, to)
}

function slownessOf({ links: { slow } }: World, from: LinkEnd, to: LinkEnd): number {
  return slow.size === 0 ? 0 : (slow.get(linkOf(from, to)) ?? 0)
}

/** Sends a message between brokers and the controller. */
export function transmit(world: World, from: LinkEnd, to: LinkEnd, task: Task): void {
  const { cut, held } = world.links
  const link = linkOf(from, to)
  if (world.checksLaws) noteSent(world, link, task)
  if (cut.size > 0 && cut.has(link)) {
    held.push({ link, at: world.now, task })
    return
  }
  deliver(world, link, from, to, task)
}

function deliver(world: World, link: number, from: LinkEnd, to: LinkEnd, task: Task): void {
  const { lastArrival } = world.links
  const arrival = Math.max(world.now + delayOf(world, from, to), lastArrival.get(link) ?? 0)
  lastArrival.set(link, arrival)
  arm(world, arrival - world.now, 'work', task)
}

/** A message that cannot leave because its link is cut: it leaves when that is healed. */
export function hold(world: World, from: LinkEnd, to: LinkEnd, task: Task): void {
  world.links.held.push({ link: linkOf(from, to), at: world.now, task })
}

export function cutLink(world: World, from: LinkEnd, to: LinkEnd): void {
  world.links.cut.add(linkOf(from, to))
}

export function slowLink(world: World, from: LinkEnd, to: LinkEnd, extraMs: number): void {
  world.links.slow.set(linkOf(from, to), extraMs)
}

/** Whether there was anything to heal. What waited leaves now, if its connection would still be there. */
export function healLink(world: World, from: LinkEnd, to: LinkEnd): boolean {
  const { links } = world
  const link = linkOf(from, to)
  const wasSlow = links.slow.delete(link)
  if (!links.cut.delete(link)) return wasSlow
  const patience = intConfig(world.config, 'replica.socket.timeout.ms')
  const waiting = links.held.filter((message) => message.link === link)
  links.held = links.held.filter((message) => message.link !== link)
  for (const { at, task } of waiting) {
    // Clients time out by themselves, and what is for the controller is asked again until it is answered. Between brokers a
    // connection that is silent for so long is given up, and the follower begins anew.
    const betweenBrokers = typeof from === 'number' && typeof to === 'number'
    if (!betweenBrokers || world.now - at <= patience) deliver(world, link, from, to, task)
  }
  return true
}

/** When the last of what waited for a link to be healed arrives: nothing may overtake it. */
export function healedUntil(world: World, from: LinkEnd, to: LinkEnd): number {
  const { lastArrival } = world.links
  return lastArrival.size === 0 ? 0 : (lastArrival.get(linkOf(from, to)) ?? 0)
}

/** Every link that is cut or slow, in the order in which that happened. */
export function faultyLinks(world: World): {
  readonly from: LinkEnd
  readonly to: LinkEnd
  readonly cut: boolean
  readonly extraMs: number
}[] {
  const { cut, slow } = world.links
  return [...new Set([...cut, ...slow.keys()])].map((link) => ({
    from: endOf(Math.floor(link / MOST_ENDS)),
    to: endOf(link % MOST_ENDS),
    cut: cut.has(link),
    extraMs: slow.get(link) ?? 0,
  }))
}
