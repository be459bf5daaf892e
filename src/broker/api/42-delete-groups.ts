/**
 * DeleteGroups (key 42). GroupCoordinatorService.deleteGroups, GroupCoordinatorShard.deleteGroups (KIP-229).
 *
 * - Only an empty group can go: NON_EMPTY_GROUP, also while it waits for its first members; GROUP_ID_NOT_FOUND for one nobody knows.
 * - Tombstones for all its offsets, then one for the group; answered when they are committed.
 * - Groups of other coordinators are NOT_COORDINATOR, each on its own. A group named twice is answered once.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeDeleteGroupsResponse } from '../../protocol/make.ts'
import type { DeletableGroupResult } from '../../protocol/messages.ts'
import type { Decision } from '../decision.ts'
import { coordinate } from '../groups/coordinator.ts'
import { type Group, generationOf, groupTombstones } from '../groups/group.ts'
import { partitionsWithOffsets } from '../groups/pending-offsets.ts'
import type { CoordinatorRecord } from '../groups/records.ts'
import { groupTimerKeys } from '../groups/timer-keys.ts'
import { tokenOf } from '../request.ts'
import type { BrokerState, CoordinatorShard } from '../state.ts'
import { defineApi } from './handler.ts'

export const deleteGroups = defineApi({
  api: 'DeleteGroups',
  minVersion: 0,
  maxVersion: 2,
  handle(state, request, _ctx, out) {
    const written = new Map<number, CoordinatorRecord[]>()
    const results = [...new Set(request.body.groupsNames)].map((groupId) => remove(state, groupId, written, out))
    const body = makeDeleteGroupsResponse({ results })
    if (written.size === 0) out.replies.push({ token: request, body })
    const after = { type: 'part-of-reply', token: tokenOf(request), body, parts: written.size } as const
    for (const [partition, records] of written)
      out.changes.push({ op: 'coordinator-append', partition, records, after })
  },
})

function remove(
  state: BrokerState,
  groupId: string,
  written: Map<number, CoordinatorRecord[]>,
  out: Decision,
): DeletableGroupResult {
  const place = coordinate(state, groupId)
  if (place.errorCode !== ErrorCode.NONE) return { groupId, errorCode: place.errorCode }
  const { shard } = place
  const group = shard.groups.get(groupId)
  if (group === undefined || group.state === 'Dead') return { groupId, errorCode: ErrorCode.GROUP_ID_NOT_FOUND }
  if (group.state !== 'Empty') return { groupId, errorCode: ErrorCode.NON_EMPTY_GROUP }
  const records = written.get(shard.partition) ?? []
  written.set(shard.partition, records)
  records.push(...tombstones(shard, group))
  for (const key of groupTimerKeys(group)) out.timers.push({ key, at: null })
  const generation = generationOf(group)
  out.facts.push({
    type: 'group.state',
    group: groupId,
    from: 'Empty',
    to: 'Dead',
    generation,
    reason: 'it was deleted',
  })
  return { groupId, errorCode: ErrorCode.NONE }
}

/** OffsetMetadataManager.deleteAllOffsets, Group.createGroupTombstoneRecords. */
function tombstones(shard: CoordinatorShard, known: Group): CoordinatorRecord[] {
  const { id: group } = known
  const offsets = partitionsWithOffsets(shard, group).map(
    (of) => ({ type: 'offset-commit', group, ...of, value: null }) as const,
  )
  return [...offsets, ...groupTombstones(known)]
}
