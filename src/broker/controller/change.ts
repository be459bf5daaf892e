/** A change of a partition in the cluster as it is: fills in what PartitionChangeBuilder takes from elsewhere. */
import { isActive, type PartitionInfo, type PartitionRecord, type TopicInfo } from '../metadata.ts'
import { changePartition, type PartitionChange } from './partition-change.ts'
import { type ControllerState, effectiveTopicConfig } from './state.ts'

type Wanted = Partial<Omit<PartitionChange, 'topicId' | 'partition' | 'minIsr' | 'elr' | 'keepEpochOnShrink'>>

export function change(
  state: ControllerState,
  topic: TopicInfo,
  partition: PartitionInfo,
  wanted: Wanted,
): PartitionRecord | null {
  return changePartition({
    topicId: topic.id,
    partition,
    acceptable: (id) => isActive(state.image, id),
    minIsr: minIsrOf(state, topic),
    elr: state.switches.elr,
    keepEpochOnShrink: state.switches.keepEpochOnShrink,
    ...wanted,
  })
}

/** ReplicationControlManager.getTopicEffectiveMinIsr: the replicas of partition 0 stand for all. */
function minIsrOf(state: ControllerState, topic: TopicInfo): number {
  const configured = Number(effectiveTopicConfig(state, topic, 'min.insync.replicas'))
  return Math.min(configured, topic.partitions[0]?.replicas.length ?? 1)
}

export function uncleanElectionAllowed(state: ControllerState, topic: TopicInfo): boolean {
  return effectiveTopicConfig(state, topic, 'unclean.leader.election.enable') === 'true'
}

/** The election a change of the cluster leads to: unclean only where the topic allows it. */
export function electionOf(state: ControllerState, topic: TopicInfo): 'unclean' | 'online' {
  return uncleanElectionAllowed(state, topic) ? 'unclean' : 'online'
}
