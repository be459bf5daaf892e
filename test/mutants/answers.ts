/** Wrong variants of what clients are told: acknowledgements, reads, deletions. */
import type { Mutant } from './mutant.ts'

const PROGRESS = 'src/broker/replication/progress.ts'
const PRODUCE = 'src/broker/api/00-produce.ts'

export const ANSWER_MUTANTS: readonly Mutant[] = [
  {
    id: 'acks-all-at-append',
    file: PROGRESS,
    find: 'if (leader === undefined || log === undefined || log.highWatermark < offset) return true',
    replace: 'if (leader === undefined || log === undefined || log.logEndOffset < offset) return true',
    wrong: 'acks=all is answered when the leader has appended.',
    rule: 'P1',
  },
  {
    id: 'acks-all-any-follower',
    file: PROGRESS,
    find: 'if (leader === undefined || log === undefined || log.highWatermark < offset) return true',
    replace:
      'if (leader === undefined || log === undefined || ![...leader.followers.values()].some(({ logEndOffset }) => logEndOffset >= offset)) return true',
    wrong: 'acks=all is answered when any one follower has copied.',
    rule: 'P1',
  },
  {
    id: 'acks-all-one-early',
    file: PROGRESS,
    find: 'if (leader === undefined || log === undefined || log.highWatermark < offset) return true',
    replace: 'if (leader === undefined || log === undefined || log.highWatermark < offset - 1) return true',
    wrong: 'acks=all is answered one record early.',
    rule: 'P1',
  },
  {
    id: 'not-enough-replicas-missing',
    file: PRODUCE,
    find: 'if (acks === -1 && lacksReplicas(state, topic, partition)) return ErrorCode.NOT_ENOUGH_REPLICAS',
    replace: '',
    wrong: 'acks=all appends below min.insync.replicas.',
    rule: 'P1, NOT_ENOUGH_REPLICAS',
  },
  {
    id: 'after-append-missing',
    file: PROGRESS,
    find: 'if (maximalIsr(state, leader).length < effectiveMinIsr(state, topic, partition)) {',
    replace: 'if (maximalIsr(state, leader).length < 0) {',
    wrong: 'acks=all succeeds although the ISR shrank below the minimum meanwhile.',
    rule: 'P1, NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  },
  {
    id: 'produces-outlive-leadership',
    file: 'src/broker/step.ts',
    find: '  failProduces(state, key, out)\n',
    replace: '',
    wrong: 'Who waits for acks=all is not told when the leadership is lost.',
    rule: 'P1, NOT_LEADER_OR_FOLLOWER',
  },
  {
    id: 'fetch-from-any-follower',
    file: 'src/broker/api/01-fetch.ts',
    find: '(info.leader !== state.id && plan.clientRack === null)',
    replace: '(info.leader !== state.id && plan.clientRack === undefined)',
    wrong: 'A reader older than v11 is served by a follower.',
    rule: 'KIP-392, NOT_LEADER_OR_FOLLOWER',
  },
  {
    id: 'produce-timeout-succeeds',
    file: PROGRESS,
    find: 'parked.errors.set(watchKey(topic, partition), ErrorCode.REQUEST_TIMED_OUT)',
    replace: 'parked.errors.delete(watchKey(topic, partition))',
    wrong: 'acks=all that runs into its time-out is reported as a success.',
    rule: 'P1, DelayedProduce.onExpiration',
  },
  {
    id: 'fetch-up-to-log-end',
    file: 'src/broker/api/01-fetch.ts',
    find: 'return committedOnly ? lastStableOffset(log) : log.highWatermark',
    replace: 'return committedOnly ? lastStableOffset(log) : log.logEndOffset',
    wrong: 'Consumers see records that are not committed.',
    rule: 'L8',
  },
  {
    id: 'fetch-not-fenced',
    file: 'src/broker/api/01-fetch.ts',
    find: 'wanted.leaderEpoch >= 0 && wanted.leaderEpoch !== log.leaderEpoch',
    replace: 'wanted.leaderEpoch > log.leaderEpoch',
    wrong: 'A reader that believes in an earlier leader epoch is served.',
    rule: 'KIP-320, FENCED_LEADER_EPOCH',
  },
  {
    id: 'read-replica-out-of-sync',
    file: 'src/broker/replication/read-replica.ts',
    find: 'if (!leader.isr.includes(id) || logEndOffset < offset) continue',
    replace: 'if (logEndOffset < offset) continue',
    wrong: 'A reader is sent to a replica that is out of sync.',
    rule: 'KIP-392, ReplicaManager.findPreferredReadReplica',
  },
  {
    id: 'delete-records-above-hw',
    file: 'src/broker/api/21-delete-records.ts',
    find: 'if (offset < 0 || offset > log.highWatermark) return refuse(ErrorCode.OFFSET_OUT_OF_RANGE)',
    replace: 'if (offset < 0) return refuse(ErrorCode.OFFSET_OUT_OF_RANGE)',
    wrong: 'DeleteRecords takes an offset above the high watermark.',
    rule: 'L1, KIP-107',
  },
  {
    id: 'delete-records-at-once',
    file: 'src/broker/deletes.ts',
    find: 'if (state.image.brokers.get(id)?.fenced === false) least = Math.min(least, logStartOffset)',
    replace: 'if (state.image.brokers.get(id)?.fenced === true) least = Math.min(least, logStartOffset)',
    wrong: 'DeleteRecords is answered before the living followers have moved their log start.',
    rule: 'KIP-107, DelayedDeleteRecords',
  },
]
