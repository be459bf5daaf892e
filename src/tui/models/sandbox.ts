/** What the sandbox screen shows, from a snapshot. */
import type { ClusterView, MemberView } from '../../index.ts'

export interface PartitionBar {
  readonly name: string
  readonly leader: number
  readonly highWatermark: number
  readonly end: number
}

export interface GroupModel {
  readonly id: string
  readonly state: ClusterView['groups'][number]['state']
  readonly generation: number
  readonly reason: string
  readonly members: readonly MemberModel[]
}

export interface MemberModel {
  readonly client: string
  readonly partitions: readonly string[]
  /** Records written but not yet committed past, over its partitions; null if none of them has a commit. */
  readonly lag: number | null
  readonly heartbeatAgeMs: number
  readonly sessionTimeoutMs: number
  /** Not heard from for more than half of its session. */
  readonly late: boolean
}

export function partitionBars(view: ClusterView): PartitionBar[] {
  return view.topics
    .filter((topic) => !topic.internal)
    .flatMap((topic) =>
      topic.partitions.map((partition) => ({
        name: `${topic.name}-${partition.partition}`,
        leader: partition.leader,
        highWatermark: partition.highWatermark,
        end: partition.logEndOffset,
      })),
    )
}

export function groupModels(view: ClusterView): GroupModel[] {
  return view.groups.map((group) => ({
    id: group.id,
    state: group.state,
    generation: group.generation,
    reason: group.lastRebalanceReason,
    members: group.members
      .map((member) => memberModel(member, group.offsets))
      .sort((a, b) => (a.client < b.client ? -1 : a.client > b.client ? 1 : 0)),
  }))
}

function memberModel(member: MemberView, offsets: ClusterView['groups'][number]['offsets']): MemberModel {
  const own = member.assignment.map(({ topic, partition }) =>
    offsets.find((entry) => entry.topic === topic && entry.partition === partition),
  )
  const lags = own.map((entry) => entry?.lag ?? null).filter((lag) => lag !== null)
  return {
    client: member.clientId,
    partitions: member.assignment.map(({ topic, partition }) => `${topic}-${partition}`),
    lag: lags.length > 0 ? lags.reduce((sum, lag) => sum + lag, 0) : null,
    heartbeatAgeMs: member.heartbeatAgeMs,
    sessionTimeoutMs: member.sessionTimeoutMs,
    late: member.heartbeatAgeMs > member.sessionTimeoutMs / 2,
  }
}

/** How many cells of a bar are readable, and how many are written but not yet readable. */
export function barCells(bar: PartitionBar, longest: number, cells: number): { readable: number; pending: number } {
  const scale = Math.max(longest, cells)
  const readable = bar.highWatermark === 0 ? 0 : Math.max(1, Math.round((bar.highWatermark / scale) * cells))
  const all = bar.end === 0 ? 0 : Math.max(1, Math.round((bar.end / scale) * cells))
  return { readable: Math.min(readable, all), pending: Math.max(0, all - readable) }
}

/** `1:02.5`, virtual time since the sandbox was opened. */
export function clock(ms: number): string {
  const tenths = Math.floor(ms / 100)
  const minutes = Math.floor(tenths / 600)
  const seconds = Math.floor((tenths % 600) / 10)
  return `${minutes}:${String(seconds).padStart(2, '0')}.${tenths % 10}`
}

/** `0.8`. */
export function seconds(ms: number): string {
  return (Math.floor(ms / 100) / 10).toFixed(1)
}
