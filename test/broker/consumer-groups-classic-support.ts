/** Members of the classic protocol in a consumer group (KIP-848). */
import { expect } from 'vitest'
import { decodeAssignment, encodeSubscription } from '../../src/protocol/consumer-protocol.ts'
import { errorName } from '../../src/protocol/errors.ts'
import {
  makeHeartbeatRequest,
  makeLeaveGroupRequest,
  makeMemberIdentity,
  makeSyncGroupRequest,
} from '../../src/protocol/make.ts'
import type { JoinGroupRequest, SyncGroupRequest } from '../../src/protocol/messages.ts'
import { group, Member, settle } from './consumer-groups-support.ts'
import { joinBody } from './groups-support.ts'
import type { Bench } from './support.ts'

export const subscribed = (owned: readonly number[] = [], topics = ['orders'], name = 'range') => ({
  protocols: [
    {
      name,
      metadata: encodeSubscription({ topics, ownedPartitions: [{ topic: 'orders', partitions: [...owned] }] }, 1),
    },
  ],
})
export const joinAs = (bench: Bench, memberId: string, more: Partial<JoinGroupRequest> = {}, version = 9) =>
  bench.ask('JoinGroup', version, joinBody(memberId, { ...subscribed(), ...more }))
export const syncAs = (bench: Bench, memberId: string, generationId: number, more: Partial<SyncGroupRequest> = {}) =>
  bench.ask('SyncGroup', 3, makeSyncGroupRequest({ groupId: 'g', memberId, generationId, ...more }))
export const beatAs = (bench: Bench, memberId: string, generationId: number, groupInstanceId: string | null = null) =>
  errorName(
    bench.ask('Heartbeat', 3, makeHeartbeatRequest({ groupId: 'g', memberId, generationId, groupInstanceId }))
      .errorCode,
  )
export const leaveAs = (bench: Bench, ...members: { memberId?: string; groupInstanceId?: string | null }[]) =>
  bench
    .ask('LeaveGroup', 4, makeLeaveGroupRequest({ groupId: 'g', members: members.map(makeMemberIdentity) }))
    .members.map(({ memberId, errorCode }) => [memberId, errorName(errorCode)])
export const partitionsIn = (bytes: Uint8Array) =>
  decodeAssignment(bytes).assignedPartitions.flatMap(({ topic, partitions }) => partitions.map((p) => `${topic}-${p}`))
export const ids = (bench: Bench) => [...group(bench).members.keys()]

/** A consumer member `a` and a static classic one, `i`, both with two partitions, in epoch 2. */
export function mixed(bench: Bench) {
  const a = new Member(bench, 'a')
  a.join()
  const { memberId } = joinAs(bench, '', { groupInstanceId: 'i' })
  settle(a)
  expect(joinAs(bench, memberId, { groupInstanceId: 'i' }).generationId).toBe(2)
  expect(partitionsIn(syncAs(bench, memberId, 2).assignment)).toHaveLength(2)
  expect(group(bench).state).toBe('Stable')
  return { a, memberId, generation: 2 }
}
