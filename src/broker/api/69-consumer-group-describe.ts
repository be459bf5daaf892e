/**
 * ConsumerGroupDescribe (key 69). GroupMetadataManager.consumerGroupDescribe, ConsumerGroup.asDescribedGroup (KIP-848).
 *
 * What each member has and what it shall have; topics that are gone are left out. A group nobody knows, or a classic one, is
 * GROUP_ID_NOT_FOUND. v1+ tells members that speak the classic protocol from the others (KIP-1099).
 */
import { ErrorCode } from '../../protocol/errors.ts'
import {
  makeConsumerGroupDescribeResponse,
  makeConsumerGroupDescription,
  makeConsumerGroupMemberDescription,
} from '../../protocol/make.ts'
import type { ConsumerGroupDescription, MemberTopicPartitions } from '../../protocol/messages.ts'
import type { Assignment } from '../groups/consumer/group.ts'
import { offeredAssignors, preferredAssignor } from '../groups/consumer/target.ts'
import { coordinateMembers } from '../groups/coordinator.ts'
import type { BrokerState } from '../state.ts'
import { ALL_GROUP_OPERATIONS } from './15-describe-groups.ts'
import { offersConsumerProtocol } from './68-consumer-group-heartbeat.ts'
import { defineApi } from './handler.ts'

export const consumerGroupDescribe = defineApi({
  api: 'ConsumerGroupDescribe',
  minVersion: 0,
  maxVersion: 1,
  handle(state, request, _ctx, out) {
    const { groupIds, includeAuthorizedOperations } = request.body
    const offered = offersConsumerProtocol(state)
    const groups = groupIds.map((groupId) => {
      if (!offered) return makeConsumerGroupDescription({ groupId, errorCode: ErrorCode.UNSUPPORTED_VERSION })
      const described = describe(state, groupId)
      return includeAuthorizedOperations && described.errorCode === ErrorCode.NONE
        ? { ...described, authorizedOperations: ALL_GROUP_OPERATIONS }
        : described
    })
    out.replies.push({ token: request, body: makeConsumerGroupDescribeResponse({ groups }) })
  },
})

function describe(state: BrokerState, groupId: string): ConsumerGroupDescription {
  const place = coordinateMembers(state, groupId)
  if (place.errorCode !== ErrorCode.NONE) return makeConsumerGroupDescription({ groupId, errorCode: place.errorCode })
  const group = place.shard.groups.get(groupId)
  if (group?.type !== 'consumer') {
    const errorMessage =
      group === undefined ? `Group ${groupId} not found.` : `Group ${groupId} is not a consumer group.`
    return makeConsumerGroupDescription({ groupId, errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage })
  }
  return makeConsumerGroupDescription({
    groupId,
    groupState: group.state,
    groupEpoch: group.groupEpoch,
    assignmentEpoch: group.assignmentEpoch,
    assignorName: preferredAssignor(group.members.values(), offeredAssignors(state.config)),
    members: [...group.members.values()].map((member) =>
      makeConsumerGroupMemberDescription({
        memberId: member.id,
        instanceId: member.instanceId,
        rackId: member.rackId,
        memberEpoch: member.epoch,
        clientId: member.clientId,
        clientHost: member.clientHost,
        subscribedTopicNames: member.subscribedTopicNames,
        subscribedTopicRegex: member.subscribedTopicRegex,
        assignment: named(state, member.assigned),
        targetAssignment: named(state, group.target.get(member.id)),
        memberType: member.classic === null ? 1 : 0,
      }),
    ),
  })
}

function named({ image }: BrokerState, assignment: Assignment | undefined): MemberTopicPartitions {
  return {
    topicPartitions: [...(assignment ?? [])].flatMap(([topicId, partitions]) => {
      const topicName = image.topicNames.get(topicId)
      return topicName === undefined ? [] : [{ topicId, topicName, partitions }]
    }),
  }
}
