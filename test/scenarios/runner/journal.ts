/** What happened in a scene, in order: what the cluster tells (its trace), and what handlers did. Printing and judging read it. */
import type { Cluster, TraceEvent } from 'kafkarium'
import { transactionHappening } from './transactions.ts'

/** A record as a story names it. */
export interface Place {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** One record in the hands of one consumer. */
interface Work {
  readonly who: string
  readonly group: string
  readonly place: Place
  readonly value: string
}

export type Happening =
  | ({ readonly kind: 'began' | 'did' | 'refused-effect' } & Work)
  | ({ readonly kind: 'threw' | 'buried' | 'sent'; readonly text: string } & Work)
  /** A coordinator has taken a commit (`who` is a member id), or a client was told that it counts. */
  | {
      readonly kind: 'commit' | 'acked'
      readonly who: string
      readonly group: string
      readonly topic: string
      readonly partition: number
      readonly offset: number
    }
  /** A commit that was answered with an error. */
  | { readonly kind: 'refused'; readonly who: string; readonly group: string; readonly error: string }
  | { readonly kind: 'rebalance'; readonly group: string; readonly reason: string }
  | {
      readonly kind: 'generation'
      readonly group: string
      readonly generation: number
      /** By member, in the order in which they learnt of it. */
      readonly owners: readonly (readonly [member: string, partitions: readonly string[]])[]
    }
  /** A static member is back and has what its former self had. */
  | { readonly kind: 'back'; readonly group: string; readonly member: string; readonly partitions: readonly string[] }
  /** KIP-848: what the coordinator has given a member; what it has taken away the member may still be finishing. */
  | { readonly kind: 'owns'; readonly group: string; readonly member: string; readonly partitions: readonly string[] }
  | { readonly kind: 'empty' | 'dead'; readonly group: string }
  | { readonly kind: 'gone'; readonly group: string; readonly member: string }
  | {
      readonly kind: 'expired'
      readonly group: string
      readonly topic: string
      readonly partition: number
      readonly offset: number
    }
  | { readonly kind: 'trouble'; readonly who: string; readonly text: string }
  /** What a producer does or hears, and which of its records it was told are in the log for good. */
  | { readonly kind: 'said'; readonly who: string; readonly text: string }
  | {
      readonly kind: 'told'
      readonly who: string
      readonly records: readonly { readonly topic: string; readonly value: string }[]
    }
  /** A leader has appended; -1 is no producer id. */
  | {
      readonly kind: 'written'
      readonly node: number
      readonly client: string
      readonly topic: string
      readonly partition: number
      readonly offset: number
      readonly count: number
      readonly producerId: number
    }
  | {
      readonly kind: 'marker'
      readonly topic: string
      readonly partition: number
      readonly offset: number
      readonly producerId: number
      readonly outcome: 'commit' | 'abort'
    }
  /** Without a text it is what it was. */
  | {
      readonly kind: 'transaction'
      readonly id: string
      readonly producerId: number | null
      readonly text: string | null
    }
  | { readonly kind: 'process'; readonly who: string; readonly text: string }
  | { readonly kind: 'broker'; readonly text: string }

export type Entry = Happening & { readonly time: number }

export interface Journal {
  readonly entries: Entry[]
  add(happening: Happening): void
  /** The text with every member id in it replaced: `anna` for the first one that consumer had, then `anna/2`. */
  named(text: string): string
  /** The consumer behind a member id. */
  client(member: string): string
}

const BROKER: Readonly<Record<string, string>> = {
  crash: 'crashes',
  restart: 'starts again',
  fenced: 'is fenced: the controller has given it up',
  pause: 'stands still',
  resume: 'goes on',
}

const PROCESS: Readonly<Record<string, string>> = {
  start: 'starts',
  crash: 'crashes',
  freeze: 'freezes',
  thaw: 'thaws',
  end: 'has ended',
}

/** A journal that listens to a cluster from its first moment on. */
export function keepJournal(cluster: Cluster): Journal {
  const entries: Entry[] = []
  const began = cluster.now
  const names = new Map<string, string>()
  const clients = new Map<string, string>()
  const lives = new Map<string, number>()
  const owners = new Map<string, [string, readonly string[]][]>()
  const stable = new Set<string>()
  /** Of groups of the consumer protocol: what each member has. */
  const held = new Map<string, Map<string, readonly string[]>>()
  /** Transactional ids by producer id. */
  const transactions = new Map<number, string>()
  const add = (happening: Happening) => void entries.push({ ...happening, time: cluster.now - began })

  function know(member: string, client: string): void {
    if (names.has(member)) return
    const life = (lives.get(client) ?? 0) + 1
    lives.set(client, life)
    clients.set(member, client)
    names.set(member, life === 1 ? client : `${client}/${life}`)
  }

  function listen(event: TraceEvent): void {
    switch (event.type) {
      case 'group.join':
        return know(event.member, event.client)
      case 'group.leave':
        held.get(event.group)?.delete(event.member)
        return add({ kind: 'gone', group: event.group, member: event.member })
      case 'group.target':
        if (!held.has(event.group)) held.set(event.group, new Map())
        return
      case 'group.assignment': {
        const { group, member, partitions } = event
        const own = held.get(group)
        if (own !== undefined) {
          own.set(member, partitions)
          return add({ kind: 'owns', group, member, partitions })
        }
        if (stable.has(group)) return add({ kind: 'back', group, member, partitions })
        owners.get(group)?.push([member, partitions])
        return
      }
      case 'group.state':
        stable.delete(event.group)
        if (event.to === 'PreparingRebalance') held.delete(event.group)
        if (event.to === 'PreparingRebalance') add({ kind: 'rebalance', group: event.group, reason: event.reason })
        if (event.to === 'CompletingRebalance') owners.set(event.group, [])
        if (event.to === 'Empty') add({ kind: 'empty', group: event.group })
        if (event.to === 'Dead') add({ kind: 'dead', group: event.group })
        if (event.to === 'Stable') {
          stable.add(event.group)
          const { group, generation } = event
          add({ kind: 'generation', group, generation, owners: [...(held.get(group) ?? owners.get(group) ?? [])] })
        }
        return
      case 'offset.commit': {
        const { group, topic, partition, offset } = event
        const { producerId = -1 } = event
        const id = transactions.get(producerId)
        return add({
          kind: 'commit',
          who: id === undefined ? event.member : `transaction ${id}`,
          group,
          topic,
          partition,
          offset,
        })
      }
      case 'offset.expired': {
        const { group, topic, partition, offset } = event
        return add({ kind: 'expired', group, topic, partition, offset })
      }
      case 'consumer.crash':
        return add({
          kind: 'trouble',
          who: event.client,
          text: `the consumer crashed (${event.error}) and ${event.restart ? 'starts anew' : 'stays down'}`,
        })
      case 'process':
        return add({ kind: 'process', who: event.name, text: PROCESS[event.change] as string })
      case 'node': {
        const text = BROKER[event.change]
        if (text !== undefined) add({ kind: 'broker', text: `broker ${event.node} ${text}` })
        return
      }
      case 'transaction':
        transactions.set(event.producerId, event.transactionalId)
    }
    const happening = transactionHappening(event)
    if (happening !== null) add(happening)
  }

  cluster.trace.onEvent(listen)
  return {
    entries,
    add,
    client: (member) => clients.get(member) ?? member,
    named(text) {
      let out = text
      // The longest first: one id may begin another.
      for (const id of [...names.keys()].sort((a, b) => b.length - a.length)) {
        out = out.replaceAll(id, names.get(id) as string)
      }
      return out
    },
  }
}
