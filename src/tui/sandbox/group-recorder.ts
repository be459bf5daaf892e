/** What views need besides the cluster's: collected from the trace, from the offsets topic, and from the logs. */
import type { Cluster, ClusterView, LogEntryView, PartitionView } from '../../index.ts'
import { ownPartitions } from '../models/cluster.ts'
import { OFFSETS_TOPIC } from '../models/offsets.ts'
import { createPositions } from '../models/positions.ts'
import type { SandboxSnapshot } from './controller.ts'

export type GroupRecords = Pick<SandboxSnapshot, 'groups' | 'histories' | 'positions' | 'offsets' | 'logs'>

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

  const logs = new Map<string, { readonly state: string; readonly entries: readonly LogEntryView[] }>()

  function logOf(partition: PartitionView): readonly LogEntryView[] {
    const { topic, leader, logStartOffset, logEndOffset, replicaLogs } = partition
    const name = `${topic}-${partition.partition}`
    const state = [leader, logStartOffset, logEndOffset, ...replicaLogs.map(({ sizeInBytes }) => sizeInBytes)].join()
    const known = logs.get(name)
    if (known?.state === state) return known.entries
    const entries = cluster.topic(topic).log(partition.partition)
    logs.set(name, { state, entries })
    return entries
  }

  return {
    record(view, known) {
      const groups = [...new Set([...known, ...view.groups.map(({ id }) => id)])].sort()
      return {
        groups,
        histories: new Map(groups.map((id) => [id, cluster.group(id).history().slice(-KEPT_GENERATIONS)])),
        positions: new Map(groups.map((id) => [id, positions.of(id)])),
        offsets: offsetsOf(view),
        logs: new Map(ownPartitions(view).map((it) => [`${it.topic}-${it.partition}`, logOf(it)])),
      }
    },
  }
}
