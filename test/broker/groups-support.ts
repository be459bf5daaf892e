/** A group of members on one broker, spoken to request by request. */
import { expect } from 'vitest'
import { type CoordinatorRecord, decodeCoordinatorBatch, loadShard } from '../../src/broker/index.ts'
import { encodeAssignment } from '../../src/protocol/consumer-protocol.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import {
  makeHeartbeatRequest,
  makeJoinGroupRequest,
  makeLeaveGroupRequest,
  makeMemberIdentity,
  makeOffsetCommitRequest,
  makeOffsetCommitRequestPartition,
  makeOffsetCommitRequestTopic,
  makeSyncGroupRequest,
} from '../../src/protocol/make.ts'
import type { JoinGroupRequest } from '../../src/protocol/messages.ts'
import { type Bench, createBench } from './support.ts'

export const METADATA = new Uint8Array([1, 2, 3])
export const newBench = (config: Record<string, string> = {}) =>
  createBench({ orders: 4, __consumer_offsets: 1 }, config)

export const joinBody = (memberId: string, more: Partial<JoinGroupRequest> = {}) =>
  makeJoinGroupRequest({
    groupId: 'g',
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 60_000,
    memberId,
    protocolType: 'consumer',
    protocols: [{ name: 'RoundRobinAssigner', metadata: METADATA }],
    ...more,
  })

/** The two-step join of v4+ (KIP-394): answers the id and the correlation id of the join that waits. */
export function join(bench: Bench, clientId: string, more: Partial<JoinGroupRequest> = {}) {
  const first = bench.ask('JoinGroup', 5, joinBody('', more), { clientId })
  expect(first.errorCode).toBe(ErrorCode.MEMBER_ID_REQUIRED)
  const waiting = bench.send('JoinGroup', 5, joinBody(first.memberId, more), { clientId })
  return { id: first.memberId, waiting }
}

export const assignmentOf = (...partitions: number[]) =>
  encodeAssignment({ assignedPartitions: [{ topic: 'orders', partitions }] }, 0)
export const sync = (
  bench: Bench,
  memberId: string,
  generationId: number,
  assignments: Record<string, Uint8Array> = {},
) =>
  bench.send(
    'SyncGroup',
    3,
    makeSyncGroupRequest({
      groupId: 'g',
      generationId,
      memberId,
      assignments: Object.entries(assignments).map(([id, assignment]) => ({ memberId: id, assignment })),
    }),
  )
export const heartbeat = (bench: Bench, memberId: string, generationId: number) =>
  bench.ask('Heartbeat', 3, makeHeartbeatRequest({ groupId: 'g', memberId, generationId })).errorCode
export const commit = (
  bench: Bench,
  memberId: string,
  generation: number,
  offset: number,
  { topic = 'orders', metadata = '', version = 5 } = {},
) =>
  bench.ask(
    'OffsetCommit',
    version,
    makeOffsetCommitRequest({
      groupId: 'g',
      memberId,
      generationIdOrMemberEpoch: generation,
      topics: [
        makeOffsetCommitRequestTopic({
          name: topic,
          partitions: [
            makeOffsetCommitRequestPartition({
              partitionIndex: 0,
              committedOffset: offset,
              committedMetadata: metadata,
            }),
          ],
        }),
      ],
    }),
  ).topics[0]?.partitions[0]?.errorCode
export const group = (bench: Bench) => {
  const found = bench.state.shards.get(0)?.groups.get('g')
  return found?.type === 'classic' ? found : undefined
}

/** A stable group of so many members, the first of them its leader. */
export function stable(bench: Bench, members: number, more: Partial<JoinGroupRequest> = {}) {
  const joined = Array.from({ length: members }, (_, i) => join(bench, `c${i}`, more))
  bench.pass(6000)
  const answers = joined.map(({ waiting }) => bench.answerTo('JoinGroup', waiting))
  const generation = answers[0]?.generationId ?? -1
  const ids = joined.map(({ id }) => id)
  const assignments = Object.fromEntries(ids.map((id, i) => [id, assignmentOf(i)]))
  for (const id of ids.slice(1)) sync(bench, id, generation)
  sync(bench, ids[0] as string, generation, assignments)
  expect(group(bench)?.state).toBe('Stable')
  return { ids, generation, leader: ids[0] as string }
}

export const leave = (bench: Bench, memberId: string) =>
  bench.ask('LeaveGroup', 3, makeLeaveGroupRequest({ groupId: 'g', members: [makeMemberIdentity({ memberId })] }))
export const offsetsLog = (bench: Bench, partition = 0) => bench.state.logs.get('__consumer_offsets')?.[partition]
export const reload = (bench: Bench) => loadShard(offsetsLog(bench) as never, bench.now)
export const lastBatch = (bench: Bench, partition = 0) => {
  const batch = offsetsLog(bench, partition)?.batches.at(-1)
  return batch === undefined ? [] : decodeCoordinatorBatch(batch)
}

/** What a compaction would leave of the coordinator's log: the keys whose last record is no tombstone. */
export const compacted = (bench: Bench) => {
  const last = new Map<string, CoordinatorRecord>()
  for (const record of (offsetsLog(bench)?.batches ?? []).flatMap(decodeCoordinatorBatch))
    last.set(JSON.stringify({ ...record, value: undefined }), record)
  return [...last.values()].filter(({ value }) => value !== null)
}
