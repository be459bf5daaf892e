/** What the group and offsets views need besides the cluster's view: collected from the trace and from the offsets topic. */
import type { Cluster, ClusterView } from '../../index.ts'
import { OFFSETS_TOPIC } from '../models/offsets.ts'
import { createPositions } from '../models/positions.ts'
import type { SandboxSnapshot } from './controller.ts'

export type GroupRecords = Pick<SandboxSnapshot, 'groups' | 'histories' | 'positions' | 'offsets'>

export interface GroupRecorder {
  /** @param known groups that are on the screen though no broker may know of them now */
  record(view: ClusterView, known: readonly string[]): GroupRecords
}

/** More generations than any screen shows. */
const KEPT_GENERATIONS = 50

export function createGroupRecorder(cluster: Cluster): GroupRecorder {
  const positions = createPositions()
  cluster.trace.onEvent((event) => positions.note(event))
  let offsets: SandboxSnapshot['offsets'] = []
  let read = ''

  /** Decoded anew only when the topic has changed: it is looked at ten times a second. */
  function offsetsOf({ topics }: ClusterView): SandboxSnapshot['offsets'] {
    const topic = topics.find(({ name }) => name === OFFSETS_TOPIC)
    const state = topic?.partitions
      .map(({ leader, logEndOffset, replicaLogs }) =>
        [leader, logEndOffset, ...replicaLogs.map(({ sizeInBytes }) => sizeInBytes)].join(),
      )
      .join(' ')
    if (state !== undefined && state !== read) {
      offsets = cluster.topic(OFFSETS_TOPIC).records()
      read = state
    }
    return offsets
  }

  return {
    record(view, known) {
      const groups = [...new Set([...known, ...view.groups.map(({ id }) => id)])].sort()
      return {
        groups,
        histories: new Map(groups.map((id) => [id, cluster.group(id).history().slice(-KEPT_GENERATIONS)])),
        positions: new Map(groups.map((id) => [id, positions.of(id)])),
        offsets: offsetsOf(view),
      }
    },
  }
}
