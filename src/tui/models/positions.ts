/**
 * How far the application of every member has come. The brokers do not know it: it is told by what handlers were given. A
 * member that has not been given anything starts from the committed offset.
 */
import type { TraceEvent } from '../../index.ts'

export interface Positions {
  note(event: TraceEvent): void
  /** The next offset for the application, by group, then `topic-partition`. Only of partitions that somebody owns. */
  of(group: string): ReadonlyMap<string, number>
}

interface GroupPositions {
  readonly owners: Map<string, string>
  readonly committed: Map<string, number>
  readonly positions: Map<string, number>
}

export function createPositions(): Positions {
  const groups = new Map<string, GroupPositions>()

  function of(group: string): GroupPositions {
    let found = groups.get(group)
    if (found === undefined) {
      found = { owners: new Map(), committed: new Map(), positions: new Map() }
      groups.set(group, found)
    }
    return found
  }

  return {
    of: (group) => new Map(groups.get(group)?.positions),
    note(event) {
      switch (event.type) {
        case 'group.assignment':
          return assigned(of(event.group), event.member, event.partitions)
        case 'group.leave':
          return assigned(of(event.group), event.member, [])
        case 'group.state':
          if (event.to === 'Dead') groups.delete(event.group)
          return
        case 'offset.commit':
          of(event.group).committed.set(nameOf(event), event.offset)
          return
        case 'offset.expired':
          of(event.group).committed.delete(nameOf(event))
          return
        case 'handler.start': {
          const { owners, positions } = of(event.group)
          const name = nameOf(event)
          // A member that lost the partition without noticing goes on with what it fetched: that is nobody's position.
          if (owners.get(name) === event.member) positions.set(name, event.lastOffset + 1)
        }
      }
    },
  }
}

function assigned(group: GroupPositions, member: string, partitions: readonly string[]): void {
  const { owners, positions, committed } = group
  for (const [name, owner] of [...owners]) {
    if (owner !== member || partitions.includes(name)) continue
    owners.delete(name)
    positions.delete(name)
  }
  for (const name of partitions) {
    if (owners.get(name) === member) continue
    owners.set(name, member)
    const start = committed.get(name)
    if (start === undefined) positions.delete(name)
    else positions.set(name, start)
  }
}

function nameOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}-${partition}`
}
