/** Law K5: messages of one link arrive in the order in which they were sent. */
import type { Task, World } from '../world.ts'

export const LINK_LAW = {
  id: 'K5',
  sentence: 'Messages of one link arrive in the order in which they were sent.',
} as const

interface Sent {
  readonly link: number
  readonly order: number
}

/** By message, while it is under way. */
const sent = new WeakMap<Task, Sent>()

/** A message leaves over a link. */
export function noteSent(world: World, link: number, task: Task): void {
  const { order } = world.ledger.links
  const next = (order.get(link) ?? 0) + 1
  order.set(link, next)
  sent.set(task, { link, order: next })
}

/** It arrived: later ones may not have done so before. */
export function checkOrder(world: World, task: Task): void {
  const known = sent.get(task)
  if (known === undefined) return
  sent.delete(task)
  const { arrived } = world.ledger.links
  const last = arrived.get(known.link) ?? 0
  if (known.order < last) {
    world.ledger.violation ??= {
      law: LINK_LAW.id,
      sentence: LINK_LAW.sentence,
      detail: `a ${task.type} message, number ${known.order} of its link, arrived after number ${last}`,
    }
  }
  arrived.set(known.link, Math.max(last, known.order))
}
