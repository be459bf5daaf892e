/** What both kinds of groups have in common, and what is committed for them. */
import { type ClassicGroup, classicIsSubscribedTo } from './classic/group.ts'
import { type ConsumerGroup, consumerIsSubscribedTo } from './consumer/group.ts'
import { groupTombstones as consumerTombstones } from './consumer/records.ts'
import type { CoordinatorRecord } from './records.ts'

/** A group of the classic protocol or of the consumer protocol (KIP-848); plain data. */
export type Group = ClassicGroup | ConsumerGroup

export interface CommittedOffset {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestamp: number
  /** Where in `__consumer_offsets` it is written: of two, the later one counts. */
  readonly recordOffset: number
}

/** Committed offsets of one group, by topic, then partition. */
export type GroupOffsets = Map<string, Map<number, CommittedOffset>>

/** Group.isSubscribedToTopic: a committed offset of such a topic is neither deleted nor expired. */
export function isSubscribedTo(group: Group, topic: string): boolean {
  return group.type === 'classic' ? classicIsSubscribedTo(group, topic) : consumerIsSubscribedTo(group, topic)
}

/** What counts the rebalances of a group: its generation, or its group epoch. */
export function generationOf(group: Group): number {
  return group.type === 'classic' ? group.generation : group.groupEpoch
}

/** Group.createGroupTombstoneRecords. */
export function groupTombstones(group: Group): CoordinatorRecord[] {
  return group.type === 'classic'
    ? [{ type: 'group-metadata', group: group.id, value: null }]
    : consumerTombstones(group.id, group.members.keys())
}

export function getOffset(
  groups: ReadonlyMap<string, GroupOffsets>,
  group: string,
  topic: string,
  partition: number,
): CommittedOffset | undefined {
  return groups.get(group)?.get(topic)?.get(partition)
}

export function putOffset(
  groups: Map<string, GroupOffsets>,
  group: string,
  topic: string,
  partition: number,
  committed: CommittedOffset,
): void {
  let topics = groups.get(group)
  if (topics === undefined) {
    topics = new Map()
    groups.set(group, topics)
  }
  let partitions = topics.get(topic)
  if (partitions === undefined) {
    partitions = new Map()
    topics.set(topic, partitions)
  }
  partitions.set(partition, committed)
}

/** Leaves no empty maps behind. */
export function removeOffset(groups: Map<string, GroupOffsets>, group: string, topic: string, partition: number): void {
  const topics = groups.get(group)
  const partitions = topics?.get(topic)
  if (topics === undefined || partitions === undefined) return
  partitions.delete(partition)
  if (partitions.size === 0) topics.delete(topic)
  if (topics.size === 0) groups.delete(group)
}
