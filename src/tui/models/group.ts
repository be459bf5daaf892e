/**
 * One group as the group view shows it: from the coordinator's view of it, its generations so far, where its applications are
 * and what has become of their processes. The rows hold what a row shows, so that another group protocol only makes others.
 */
import type { ClusterView, GenerationView, GroupView, MemberView } from '../../index.ts'

export interface GroupDetail {
  readonly id: string
  /** `group.protocol`: classic, or consumer (KIP-848). */
  readonly type: 'classic' | 'consumer'
  readonly state: GroupView['state']
  /** The generation of a classic group, the group epoch of a consumer group. */
  readonly generation: number
  readonly protocolType: string | null
  readonly protocol: string | null
  readonly coordinator: number
  readonly members: readonly MemberRow[]
  readonly partitions: readonly PartitionRow[]
  /** Over all partitions with a commit; null where there is none. */
  readonly lag: number | null
  /** The last rebalance: when it began, virtual milliseconds since the Unix epoch. */
  readonly rebalance: { readonly reason: string; readonly at: number | null } | null
}

export interface MemberRow {
  readonly client: string
  readonly id: string
  readonly instance: string | null
  readonly host: string
  readonly leads: boolean
  /** What has become of its process. The coordinator only sees a member that is silent. */
  readonly process: 'running' | 'frozen' | 'gone'
  /** The member epoch (KIP-848); a member of a classic group has none of its own. */
  readonly epoch: number | null
  readonly partitions: readonly string[]
  /** What it is to own in the end (KIP-848); null where a member is told all at once. */
  readonly target: readonly string[] | null
  /** Null if none of its partitions has a commit. */
  readonly lag: number | null
  readonly heartbeatAgeMs: number
  readonly sessionTimeoutMs: number
  /** Not heard from for more than half of its session. */
  readonly late: boolean
}

export interface PartitionRow {
  readonly name: string
  readonly logEndOffset: number
  readonly highWatermark: number
  /** The next offset to read, as committed; null = none. */
  readonly committed: number | null
  /** The next offset for the application of its owner; null = not known. */
  readonly position: number | null
  /** Records behind the high watermark, counted from the commit. */
  readonly lag: number | null
  /** The client that owns it. */
  readonly owner: string | null
}

export interface GenerationRow {
  readonly generation: number
  readonly began: number
  /** Null: the present one. */
  readonly ended: number | null
  readonly endReason: string | null
  readonly owners: readonly { readonly client: string; readonly partitions: readonly string[] }[]
}

export interface GroupSources {
  readonly view: ClusterView
  readonly history: readonly GenerationView[]
  /** By `topic-partition`. */
  readonly positions: ReadonlyMap<string, number>
}

/** Null while no broker coordinates the group, or nobody has heard of it. */
export function groupDetail(id: string, { view, history, positions }: GroupSources): GroupDetail | null {
  const group = view.groups.find((candidate) => candidate.id === id)
  if (group === undefined) return null
  const members = group.members.map((member) => memberRow(member, group, view))
  return {
    id,
    type: group.type,
    state: group.state,
    generation: group.generation,
    protocolType: group.protocolType,
    protocol: group.protocol,
    coordinator: group.coordinator,
    members: members.sort((a, b) => (a.client < b.client ? -1 : a.client > b.client ? 1 : a.id < b.id ? -1 : 1)),
    partitions: partitionRows(group, view, positions),
    lag: sumOf(group.offsets.map(({ lag }) => lag)),
    rebalance: lastRebalance(group, history),
  }
}

function memberRow(member: MemberView, group: GroupView, view: ClusterView): MemberRow {
  const process = view.processes.find(({ name }) => name === member.clientId)?.state ?? 'running'
  const lags = member.assignment.map(
    ({ topic, partition }) =>
      group.offsets.find((entry) => entry.topic === topic && entry.partition === partition)?.lag ?? null,
  )
  return {
    client: member.clientId,
    id: member.id,
    instance: member.groupInstanceId,
    host: member.clientHost,
    leads: member.id === group.leader,
    process: process === 'crashed' || process === 'ended' ? 'gone' : process,
    epoch: group.type === 'consumer' ? member.epoch : null,
    partitions: member.assignment.map(({ topic, partition }) => `${topic}-${partition}`),
    target: member.target?.map(({ topic, partition }) => `${topic}-${partition}`) ?? null,
    lag: sumOf(lags),
    heartbeatAgeMs: member.heartbeatAgeMs,
    sessionTimeoutMs: member.sessionTimeoutMs,
    late: member.heartbeatAgeMs > member.sessionTimeoutMs / 2,
  }
}

function sumOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0)
}

/** All partitions of the topics that somebody owns or has committed to. */
function partitionRows(group: GroupView, view: ClusterView, positions: ReadonlyMap<string, number>): PartitionRow[] {
  const owners = new Map<string, string>(
    group.members.flatMap(({ clientId, assignment }) =>
      assignment.map(({ topic, partition }) => [`${topic}-${partition}`, clientId] as const),
    ),
  )
  const topics = new Set([
    ...group.members.flatMap(({ assignment }) => assignment.map(({ topic }) => topic)),
    ...group.offsets.map(({ topic }) => topic),
  ])
  return view.topics
    .filter(({ name }) => topics.has(name))
    .flatMap(({ partitions }) => partitions)
    .map(({ topic, partition, logEndOffset, highWatermark }) => {
      const name = `${topic}-${partition}`
      const offset = group.offsets.find((entry) => entry.topic === topic && entry.partition === partition)
      const committed = offset === undefined || offset.committed < 0 ? null : offset.committed
      const owner = owners.get(name) ?? null
      return {
        name,
        logEndOffset,
        highWatermark,
        committed,
        position: owner === null ? null : (positions.get(name) ?? null),
        lag: offset?.lag ?? null,
        owner,
      }
    })
}

/**
 * A rebalance begins where the generation before it ends; the first one has none before it. A coordinator that took over does
 * not know the reason: the history does.
 */
function lastRebalance(group: GroupView, history: readonly GenerationView[]): GroupDetail['rebalance'] {
  const present = history.at(-1)
  const reason = group.lastRebalanceReason || (present?.endReason ?? present?.reason ?? '')
  if (reason === '') return null
  const at = present === undefined ? null : (present.ended ?? history.at(-2)?.ended ?? present.began)
  return { reason, at }
}

/** The last generations, newest first. */
export function generationRows(history: readonly GenerationView[], count: number): GenerationRow[] {
  return history
    .slice(Math.max(0, history.length - count))
    .reverse()
    .map(({ generation, began, ended, endReason, owners }) => ({
      generation,
      began,
      ended,
      endReason,
      owners: lastOwners(owners)
        .map(({ clientId, partitions }) => ({ client: clientId, partitions }))
        .sort((a, b) => (a.client < b.client ? -1 : a.client > b.client ? 1 : 0)),
    }))
}

/** A static member that comes back has another id: what it owned under the old one is its own under the new one. */
function lastOwners(owners: GenerationView['owners']): readonly GenerationView['owners'][number][] {
  return owners.flatMap((owner, index) => {
    const later = owners.slice(index + 1).flatMap(({ partitions }) => partitions)
    const partitions = owner.partitions.filter((name) => !later.includes(name))
    return owner.partitions.length > 0 && partitions.length === 0 ? [] : [{ ...owner, partitions }]
  })
}
