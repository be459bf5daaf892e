import type { PartitionLog } from '../broker/index.ts'
import type { NodeRuntime, World } from './world.ts'

/** The log of a partition where it is led; while nobody leads it, the one of its first replica. */
export function leaderLog(world: World, topic: string, partition: number): PartitionLog | undefined {
  const info = world.controller.image.topics.get(topic)?.partitions[partition]
  if (info === undefined) return undefined
  const holder: NodeRuntime | undefined = world.nodes.get(info.leader >= 0 ? info.leader : (info.replicas[0] ?? -1))
  return holder?.broker.logs.get(topic)?.[partition]
}
