/**
 * DescribeGroups (key 15). GroupMetadataManager.describeGroups, ClassicGroup.describe.
 *
 * A group nobody knows, or a consumer group of KIP-848, is described as Dead; from v6 on as GROUP_ID_NOT_FOUND (KIP-1043). Metadata and assignments are shown in Stable only; in other states
 * a member has empty bytes. v3+: without an authorizer everybody may do everything, and that is what it says when asked for.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeDescribedGroup, makeDescribedGroupMember, makeDescribeGroupsResponse } from '../../protocol/make.ts'
import type { DescribedGroup } from '../../protocol/messages.ts'
import { EMPTY_BYTES, metadataFor } from '../groups/classic/group.ts'
import { coordinate } from '../groups/coordinator.ts'
import type { BrokerState } from '../state.ts'
import { defineApi } from './handler.ts'

/** One bit an operation on a group (AclEntry.supportedOperations, AclOperation codes). */
export const ALL_GROUP_OPERATIONS = [
  3 /* read */, 6 /* delete */, 8 /* describe */, 10 /* describe configs */, 11 /* alter configs */,
].reduce((bits, code) => bits | (1 << code), 0)

export const describeGroups = defineApi({
  api: 'DescribeGroups',
  minVersion: 0,
  maxVersion: 6,
  handle(state, request, _ctx, out) {
    const { includeAuthorizedOperations } = request.body
    const groups = request.body.groups.map((groupId) => {
      const described = describe(state, groupId, request.apiVersion)
      return includeAuthorizedOperations && described.errorCode === ErrorCode.NONE
        ? { ...described, authorizedOperations: ALL_GROUP_OPERATIONS }
        : described
    })
    out.replies.push({ token: request, body: makeDescribeGroupsResponse({ groups }) })
  },
})

function describe(state: BrokerState, groupId: string, apiVersion: number): DescribedGroup {
  const place = coordinate(state, groupId)
  if (place.errorCode !== ErrorCode.NONE) return makeDescribedGroup({ groupId, errorCode: place.errorCode })
  const group = place.shard.groups.get(groupId)
  if (group?.type !== 'classic') {
    if (apiVersion < 6) return makeDescribedGroup({ groupId, groupState: 'Dead' })
    const errorMessage =
      group === undefined ? `Group ${groupId} not found.` : `Group ${groupId} is not a classic group.`
    return makeDescribedGroup({
      groupId,
      groupState: 'Dead',
      errorCode: ErrorCode.GROUP_ID_NOT_FOUND,
      errorMessage,
    })
  }
  const stable = group.state === 'Stable'
  return makeDescribedGroup({
    groupId,
    groupState: group.state,
    protocolType: group.protocolType ?? '',
    protocolData: stable ? (group.protocolName ?? '') : '',
    members: [...group.members.values()].map((member) =>
      makeDescribedGroupMember({
        memberId: member.id,
        groupInstanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        memberMetadata: stable ? metadataFor(member, group.protocolName ?? '') : EMPTY_BYTES,
        memberAssignment: stable ? member.assignment : EMPTY_BYTES,
      }),
    ),
  })
}
