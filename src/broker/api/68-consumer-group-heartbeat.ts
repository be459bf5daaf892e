/**
 * ConsumerGroupHeartbeat (key 68). GroupMetadataManager.consumerGroupHeartbeat (KIP-848).
 *
 * - Epoch 0 joins, -1 leaves, -2 leaves for a while as a static member. A member with another epoch than the group knows is
 *   FENCED_MEMBER_EPOCH: it gives everything up and joins anew.
 * - The answer has the member's epoch and, where it changed, its assignment. It waits until what it says is committed.
 * - The first member makes the group. An empty classic group gives way; one with consumers becomes a consumer group
 *   (`group.consumer.migration.policy`).
 * - UNSUPPORTED_VERSION when `group.coordinator.rebalance.protocols` does not name `consumer` (KafkaApis).
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeConsumerGroupHeartbeatResponse } from '../../protocol/make.ts'
import { itemsOf } from '../config/definition.ts'
import { finalizedFeatures } from '../features.ts'
import type { ClassicGroup } from '../groups/classic/group.ts'
import { type ConsumerGroup, createConsumerGroup } from '../groups/consumer/group.ts'
import { heartbeat, leave, requestProblem } from '../groups/consumer/heartbeat.ts'
import { type ConsumerTurn, type Refusal, refusal } from '../groups/consumer/turn.ts'
import { upgradeDone, upgraded } from '../groups/consumer/upgrade.ts'
import { coordinateMembers } from '../groups/coordinator.ts'
import { groupTombstones } from '../groups/group.ts'
import { groupTimerKeys } from '../groups/timer-keys.ts'
import type { BrokerState } from '../state.ts'
import { defineApi } from './handler.ts'

export const consumerGroupHeartbeat = defineApi({
  api: 'ConsumerGroupHeartbeat',
  minVersion: 0,
  maxVersion: 1,
  handle(state, request, ctx, out) {
    const { body } = request
    const refuse = ({ errorCode, message }: Refusal) =>
      void out.replies.push({
        token: request,
        body: makeConsumerGroupHeartbeatResponse({ errorCode, errorMessage: message }),
      })
    if (!offersConsumerProtocol(state))
      return refuse(refusal(ErrorCode.UNSUPPORTED_VERSION, 'This broker offers no consumer protocol.'))
    const problem = requestProblem(body, request.apiVersion, state.config)
    if (problem !== null) return refuse(problem)
    const place = coordinateMembers(state, body.groupId)
    if (place.errorCode !== ErrorCode.NONE)
      return refuse(refusal(place.errorCode, 'This broker does not coordinate the group now.'))

    const { shard } = place
    const leaves = body.memberEpoch < 0
    const base = { state, shard, ctx, out, records: [] }
    const found = findGroup(base, body.groupId, body.memberEpoch === 0)
    if ('errorCode' in found) return refuse(found)
    const turn: ConsumerTurn = { ...base, group: found.group }
    const refused = leaves ? leave(turn, request) : heartbeat(turn, request)
    if (refused !== null) return refuse(refused)
    if (found.former !== null) upgradeDone(turn, found.former)
  },
})

/** Configured, and, where features are levels, not turned off for the cluster (GroupCoordinatorService.isConsumerGroupProtocolEnabled). */
export function offersConsumerProtocol({ config, image, offer }: BrokerState): boolean {
  if (!itemsOf(config['group.coordinator.rebalance.protocols']).includes('consumer')) return false
  return offer.features.length === 0 || finalizedFeatures(image, offer.features).has('group.version')
}

interface Found {
  readonly group: ConsumerGroup
  /** The classic group it was until now. */
  readonly former: ClassicGroup | null
}

/** GroupMetadataManager.getOrMaybeCreateConsumerGroup. */
function findGroup(base: Omit<ConsumerTurn, 'group'>, groupId: string, joins: boolean): Found | Refusal {
  const { ctx, records, out } = base
  const known = base.shard.groups.get(groupId)
  if (known?.type === 'consumer') return { group: known, former: null }
  if (!joins)
    return refusal(
      ErrorCode.GROUP_ID_NOT_FOUND,
      known === undefined ? `Consumer group ${groupId} not found.` : `Group ${groupId} is not a consumer group.`,
    )
  if (known !== undefined && known.state !== 'Empty') {
    const group = upgraded(base, known)
    return 'errorCode' in group ? group : { group, former: known }
  }
  if (known !== undefined) {
    records.push(...groupTombstones(known))
    for (const key of groupTimerKeys(known)) out.timers.push({ key, at: null })
  }
  return { group: createConsumerGroup(groupId, ctx.now), former: null }
}
