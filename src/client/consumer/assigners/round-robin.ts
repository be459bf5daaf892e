/** kafkajs's only built-in assigner (KJ16): topic-partitions dealt in turn to the members in the order of their ids. */
import type { Assignment, PartitionAssigner } from '../../types/assigners.ts'
import { AssignerProtocol } from '../assigner-protocol.ts'

const name = 'RoundRobinAssigner'
const version = 0

export const roundRobin: PartitionAssigner = ({ cluster }) => ({
  name,
  version,

  /** A member that gets nothing has no entry. The members' own topic lists are not looked at. */
  async assign({ members, topics }) {
    const memberIds = members.map(({ memberId }) => memberId).sort()
    const assignments = new Map<string, Assignment>()
    let turn = 0
    for (const topic of topics) {
      for (const { partitionId } of cluster.findTopicPartitionMetadata(topic)) {
        const memberId = memberIds[turn % memberIds.length] as string
        turn += 1
        let assignment = assignments.get(memberId)
        if (assignment === undefined) {
          assignment = Object.create(null) as Assignment
          assignments.set(memberId, assignment)
        }
        const partitions = assignment[topic]
        if (partitions === undefined) assignment[topic] = [partitionId]
        else partitions.push(partitionId)
      }
    }
    return [...assignments].map(([memberId, assignment]) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({ version, assignment }),
    }))
  },

  protocol({ topics }) {
    return { name, metadata: AssignerProtocol.MemberMetadata.encode({ version, topics }) }
  },
})
