/** Where to go instead (KIP-951): an answer that turns a client away names the leader, so that it need not ask for metadata first. */
import { ErrorCode } from '../protocol/errors.ts'
import type { LeaderIdAndEpoch, NodeEndpoint, ProduceResponse } from '../protocol/messages.ts'
import type { MetadataImage } from './metadata.ts'

/** The first versions with room for it. */
const PRODUCE_WITH_HINTS = 10
export const FETCH_WITH_HINTS = 16

/** The leader as far as this broker knows; undefined = it does not know the partition. */
export function leaderOf(image: MetadataImage, topic: string, partition: number): LeaderIdAndEpoch | undefined {
  const info = image.topics.get(topic)?.partitions[partition]
  return info === undefined ? undefined : { leaderId: info.leader, leaderEpoch: info.leaderEpoch }
}

/** The addresses of those that are up, each once. */
export function endpointsOf(image: MetadataImage, leaders: readonly LeaderIdAndEpoch[]): NodeEndpoint[] {
  return [...new Set(leaders.map(({ leaderId }) => leaderId))].flatMap((nodeId) => {
    const broker = image.brokers.get(nodeId)
    if (broker === undefined || broker.fenced) return []
    return [{ nodeId, host: broker.host, port: broker.port, rack: broker.rack }]
  })
}

/** The answer to a Produce with hints where it says NOT_LEADER_OR_FOLLOWER. */
export function withLeaderHints(image: MetadataImage, apiVersion: number, response: ProduceResponse): ProduceResponse {
  const turnedAway = response.responses.some(({ partitionResponses }) => partitionResponses.some(isTurnedAway))
  if (apiVersion < PRODUCE_WITH_HINTS || !turnedAway) return response
  const leaders: LeaderIdAndEpoch[] = []
  const responses = response.responses.map((topic) => ({
    ...topic,
    partitionResponses: topic.partitionResponses.map((partition) => {
      const currentLeader = isTurnedAway(partition) ? leaderOf(image, topic.name, partition.index) : undefined
      if (currentLeader === undefined) return partition
      leaders.push(currentLeader)
      return { ...partition, currentLeader }
    }),
  }))
  return { ...response, responses, nodeEndpoints: endpointsOf(image, leaders) }
}

function isTurnedAway({ errorCode }: { readonly errorCode: number }): boolean {
  return errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER
}
