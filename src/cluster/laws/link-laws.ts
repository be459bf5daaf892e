/** Law K5: messages of one link arrive in the order in which they were sent. */
import type { Task, World } from '../world.ts'

export const LINK_LAW = {
  id: 'K5',
  sentence: 'Messages of one link arrive in the order in which they were sent.',
} as const

/** A message leaves over a link. */
export function noteSent(world: World, link: number, task: Task): void {
  const { order, underWay } = world.ledger.links
  const next = (order.get(link) ?? 0) + 1
  order.set(link, next)
  underWay.set(task, { link, order: next })
}

/** It arrived: later ones may not have done so before. */
export function checkOrder(world: World, task: Task): void {
  const { arrived, underWay } = world.ledger.links
  const known = underWay.get(task)
  if (known === undefined) return
  underWay.delete(task)
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
