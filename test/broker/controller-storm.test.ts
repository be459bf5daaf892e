/** Whatever happens to a cluster: laws R1, R2 and R8, and what KIP-966 and KIP-455 promise, after every single decision. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  alterPartition,
  beginControlledShutdown,
  type ControllerState,
  fenceBroker,
  isActive,
  newControllerEpoch,
  type PartitionInfo,
  rebalanceLeaders,
  registerBroker,
  stepController,
  unfenceBroker,
} from '../../src/broker/index.ts'
import { makeAlterPartitionReassignmentsRequest, makeElectLeadersRequest } from '../../src/protocol/make.ts'
import { addTopic, controllerWith } from './controller-support.ts'

const BROKERS = [1, 2, 3, 4]

type Op =
  | { readonly op: 'register'; readonly id: number; readonly cleanShutdown: boolean }
  | { readonly op: 'unfence' | 'fence' | 'shutdown'; readonly id: number }
  | { readonly op: 'isr'; readonly partition: number; readonly ids: readonly number[] }
  | { readonly op: 'reassign'; readonly partition: number; readonly ids: readonly number[] | null }
  | { readonly op: 'elect'; readonly partition: number; readonly electionType: number }
  | { readonly op: 'balance' }

const id = fc.constantFrom(...BROKERS)
const partition = fc.constantFrom(0, 1)
const some = fc.shuffledSubarray(BROKERS, { minLength: 1 })
const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ op: fc.constant('register' as const), id, cleanShutdown: fc.boolean() }),
  fc.record({ op: fc.constantFrom('unfence' as const, 'fence' as const, 'shutdown' as const), id }),
  fc.record({ op: fc.constantFrom('unfence' as const, 'fence' as const), id }),
  fc.record({ op: fc.constant('isr' as const), partition, ids: some }),
  fc.record({ op: fc.constant('reassign' as const), partition, ids: fc.option(some) }),
  fc.record({ op: fc.constant('elect' as const), partition, electionType: fc.constantFrom(0, 1) }),
  fc.constant({ op: 'balance' as const }),
)

function run(state: ControllerState, step: Op): void {
  switch (step.op) {
    case 'register':
      registerBroker(state, { ...step, host: 'h', port: 9091 + step.id, rack: null })
      return
    case 'unfence':
      unfenceBroker(state, step.id)
      return
    case 'fence':
      fenceBroker(state, step.id)
      return
    case 'shutdown':
      beginControlledShutdown(state, step.id)
      return
    case 'balance':
      rebalanceLeaders(state)
      return
    case 'elect': {
      const topicPartitions = [{ topic: 'orders', partitions: [step.partition] }]
      const body = makeElectLeadersRequest({ electionType: step.electionType, topicPartitions })
      stepController(state, { api: 'ElectLeaders', body }, () => '')
      return
    }
    case 'reassign': {
      const partitions = [{ partitionIndex: step.partition, replicas: step.ids }]
      const body = makeAlterPartitionReassignmentsRequest({ topics: [{ name: 'orders', partitions }] })
      stepController(state, { api: 'AlterPartitionReassignments', body }, () => '')
      return
    }
    case 'isr': {
      const info = partitionsOf(state)[step.partition] as PartitionInfo
      const { leader, leaderEpoch, partitionEpoch } = info
      alterPartition(state, leader, {
        type: 'alter-partition',
        topicId: 'orders-id',
        partition: step.partition,
        leaderEpoch,
        partitionEpoch,
        isr: [leader, ...step.ids.filter((other) => other !== leader)].map((brokerId) => ({
          brokerId,
          brokerEpoch: -1,
        })),
        leaderRecoveryState: 'recovered',
        brokerEpoch: -1,
      })
    }
  }
}

function partitionsOf(state: ControllerState): readonly PartitionInfo[] {
  return state.image.topics.get('orders')?.partitions ?? []
}

/** What is wrong, or null. */
function broken(state: ControllerState, before: PartitionInfo, after: PartitionInfo, minIsr: number): string | null {
  const { replicas, isr, elr, leader, lastKnownElr, addingReplicas, removingReplicas } = after
  const { elr: withElr } = state.switches
  if (after.leaderEpoch < before.leaderEpoch || after.partitionEpoch < before.partitionEpoch) return 'R1: an epoch fell'
  if (leader >= 0 && leader !== before.leader && after.leaderEpoch === before.leaderEpoch) return 'R1: two leaders'
  if (leader >= 0 && !isr.includes(leader)) return 'R2: the leader is not in sync'
  if (leader >= 0 && !isActive(state.image, leader)) return 'the leader is out of service'
  if ([...isr, ...elr, ...addingReplicas, ...removingReplicas].some((other) => !replicas.includes(other)))
    return 'R2: not a replica'
  if (isr.some((other) => elr.includes(other))) return 'R2: in sync and eligible'
  if (isr.length >= minIsr && elr.length > 0) return 'R2: enough in sync, and eligible besides'
  for (const list of [replicas, isr, elr]) if (new Set(list).size !== list.length) return 'a double'
  if (withElr && isr.some((other) => !isActive(state.image, other))) return 'R2: a fenced broker in sync'
  if (!withElr && (isr.length === 0 || elr.length > 0)) return 'R2: before KIP-966 the last one stays'
  if (!withElr && isr.length > 1 && isr.some((other) => !isActive(state.image, other))) return 'R2: fenced, not alone'
  if (withElr && isr.length === 0 && elr.length === 0 && lastKnownElr.length !== 1) return 'R8: nobody is known'
  if (leader >= 0 && lastKnownElr.length > 0) return 'a last known leader beside a leader'
  if (removingReplicas.length === replicas.length) return 'nobody stays'
  return null
}

describe('a storm of brokers, elections and reassignments', () => {
  for (const elr of [true, false]) {
    for (const unclean of [false, true]) {
      test(`elr ${elr}, unclean elections ${unclean}`, () => {
        const config = { 'min.insync.replicas': '2', 'unclean.leader.election.enable': String(unclean) }
        fc.assert(
          fc.property(fc.array(op, { maxLength: 60 }), (steps) => {
            const state = controllerWith({ brokers: 4, switches: { elr } })
            const assignments = [
              [1, 2, 3],
              [2, 3, 4],
            ]
            addTopic(state, assignments, config)
            for (const step of steps) {
              const before = partitionsOf(state).slice()
              run(state, step)
              for (const [i, after] of partitionsOf(state).entries()) {
                const problem = broken(state, before[i] as PartitionInfo, after, 2)
                if (problem !== null)
                  throw new Error(`${problem}: ${JSON.stringify({ step, before: before[i], after })}`)
              }
            }
            expect(newControllerEpoch(state).image).toEqual(state.image)
          }),
          { numRuns: 400, seed: 966 },
        )
      })
    }
  }
})
