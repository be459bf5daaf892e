/**
 * ListGroups (key 16). GroupMetadataManager.listGroups: the groups this broker coordinates; v4+ filters by state
 * (KIP-518), v5+ by type (KIP-848), in upper or lower case. Clients ask every broker. While one of its partitions loads a
 * broker answers COORDINATOR_LOAD_IN_PROGRESS and no group (CoordinatorRuntime.scheduleReadAllOperation).
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeListedGroup, makeListGroupsResponse } from '../../protocol/make.ts'
import { defineApi } from './handler.ts'

export const listGroups = defineApi({
  api: 'ListGroups',
  minVersion: 0,
  maxVersion: 5,
  handle(state, request, _ctx, out) {
    const { statesFilter, typesFilter } = request.body
    if (state.loading.size > 0) {
      const errorCode = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
      out.replies.push({ token: request, body: makeListGroupsResponse({ errorCode }) })
      return
    }
    const states = statesFilter.map((name) => name.toLowerCase().trim())
    const types = typesFilter.map((name) => name.toLowerCase())
    const groups = []
    for (const shard of state.shards.values()) {
      for (const group of shard.groups.values()) {
        if (states.length > 0 && !states.includes(group.state.toLowerCase())) continue
        if (types.length > 0 && !types.includes(group.type)) continue
        groups.push(
          makeListedGroup({
            groupId: group.id,
            protocolType: group.type === 'consumer' ? 'consumer' : (group.protocolType ?? ''),
            groupState: group.state,
            groupType: group.type,
          }),
        )
      }
    }
    out.replies.push({ token: request, body: makeListGroupsResponse({ groups }) })
  },
})
