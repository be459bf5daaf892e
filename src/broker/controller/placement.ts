/**
 * Which brokers hold a new partition. Goals as in StripedReplicaPlacer.java: replicas of a partition on as many racks as
 * there are, leaders spread over racks and brokers, and a broker that is out of service only when there is no other. Where
 * Kafka starts at random and shuffles, successive partitions here go round, so that a test can know where they land.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import type { CreatableTopic } from '../../protocol/messages.ts'
import { intConfig } from '../config.ts'
import {
  type BrokerInfo,
  isActive,
  isInternal,
  type MetadataRecord,
  OFFSETS_TOPIC,
  type PartitionRecord,
  TRANSACTION_TOPIC,
} from '../metadata.ts'
import type { ControllerState } from './state.ts'

/** The most records one request may lead to (QuorumController.MAX_RECORDS_PER_USER_OP), and the most partitions it may ask for. */
export const MAX_RECORDS_PER_REQUEST = 10_000

export function newPartition(
  state: ControllerState,
  topicId: string,
  partition: number,
  replicas: readonly number[],
): PartitionRecord {
  // Only brokers in service begin in sync.
  const isr = replicas.filter((id) => isActive(state.image, id))
  return {
    type: 'partition',
    topicId,
    partition,
    replicas,
    isr,
    elr: [],
    lastKnownElr: [],
    leader: isr[0] ?? -1,
    leaderRecoveryState: 'recovered',
    leaderEpoch: 0,
    partitionEpoch: 0,
    addingReplicas: [],
    removingReplicas: [],
  }
}

export type Placement =
  | { readonly replicas: readonly (readonly number[])[] }
  | { readonly errorCode: number; readonly message: string }

export function placeTopic(
  state: ControllerState,
  topic: CreatableTopic,
  records: readonly MetadataRecord[],
): Placement {
  if (topic.assignments.length > 0) return manualPlacement(state, topic)
  const partitions = partitionsAsked(state, topic)
  if (partitions < 1) {
    return {
      errorCode: ErrorCode.INVALID_PARTITIONS,
      message: 'Number of partitions was set to an invalid non-positive value.',
    }
  }
  const factor = topic.replicationFactor === -1 ? defaultFactor(state, topic.name) : topic.replicationFactor
  if (factor < 1) {
    return { errorCode: ErrorCode.INVALID_REPLICATION_FACTOR, message: 'Replication factor must be larger than 0.' }
  }
  return placeInTurn(state, isInternal(topic.name), partitions, factor, records)
}

/** Goes on where the last placement ended; an internal topic starts anew, so that it moves nothing. */
export function placeInTurn(
  state: ControllerState,
  internal: boolean,
  count: number,
  factor: number,
  records: readonly MetadataRecord[],
): Placement {
  const brokers = [...state.image.brokers.values()]
  const refuse = (message: string) => ({ errorCode: ErrorCode.INVALID_REPLICATION_FACTOR, message })
  if (factor > brokers.length) {
    return refuse(
      `The target replication factor of ${factor} cannot be reached: ${brokers.length} broker(s) are registered.`,
    )
  }
  const racks = racksOf(brokers)
  if (!racks.some(({ serving }) => serving.length > 0)) return refuse('All brokers are out of service (fenced).')
  let placed = records.filter(({ type }) => type === 'partition').length
  for (const other of state.image.topics.values()) if (!isInternal(other.name)) placed += other.partitions.length
  const start = internal ? 0 : placed
  const replicas = Array.from({ length: count }, (_, partition) => stripe(racks, start + partition, factor))
  // In service is not enough: a broker on its way out (KIP-841) neither leads nor is in sync.
  if (replicas.some((ids) => !ids.some((id) => isActive(state.image, id)))) {
    return refuse('All brokers of a partition would be out of service or in controlled shutdown.')
  }
  return { replicas }
}

interface Rack {
  readonly name: string
  readonly serving: readonly number[]
  readonly fenced: readonly number[]
}

/** In the order of their names; brokers without a rack share one. */
function racksOf(brokers: readonly BrokerInfo[]): readonly Rack[] {
  const byName = new Map<string, BrokerInfo[]>()
  for (const broker of [...brokers].sort((a, b) => a.id - b.id)) {
    const name = broker.rack ?? ''
    byName.set(name, [...(byName.get(name) ?? []), broker])
  }
  return [...byName]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, members]) => ({
      name,
      serving: members.filter(({ fenced }) => !fenced).map(({ id }) => id),
      fenced: members.filter(({ fenced }) => fenced).map(({ id }) => id),
    }))
}

/** The replicas of the nth placement: the leader from the nth rack, each further replica from the next one. */
function stripe(racks: readonly Rack[], nth: number, factor: number): readonly number[] {
  const first = nth % racks.length
  const lap = Math.floor(nth / racks.length)
  const taken = new Map<Rack, number>()
  const next = (at: number, fencedToo: boolean): number | undefined => {
    const rack = racks[at % racks.length] as Rack
    const count = taken.get(rack) ?? 0
    // Racks are entered at different brokers, so that partitions with neighbouring leaders share few followers.
    const turn = lap + ((at - first) % racks.length)
    const { serving, fenced } = rack
    taken.set(rack, count + 1)
    if (count < serving.length) return serving[(turn + count) % serving.length]
    return fencedToo ? fenced.slice(0, count - serving.length + 1)[count - serving.length] : undefined
  }
  let leaderAt = first
  while ((racks[leaderAt % racks.length] as Rack).serving.length === 0) leaderAt += 1
  const replicas = [next(leaderAt, false) as number]
  let skips = leaderAt % racks.length
  for (let at = first; replicas.length < factor; at++) {
    // The leader's rack has its turn behind it.
    if (at % racks.length === skips) {
      skips = -1
      continue
    }
    const id = next(at, true)
    if (id !== undefined) replicas.push(id)
  }
  return replicas
}

/** How many partitions a new topic is to have. */
export function partitionsAsked(state: ControllerState, { name, assignments, numPartitions }: CreatableTopic): number {
  if (assignments.length > 0) return assignments.length
  return numPartitions === -1 ? defaultPartitions(state, name) : numPartitions
}

function defaultPartitions({ config }: ControllerState, topic: string): number {
  if (topic === OFFSETS_TOPIC) return intConfig(config, 'offsets.topic.num.partitions')
  return intConfig(config, topic === TRANSACTION_TOPIC ? 'transaction.state.log.num.partitions' : 'num.partitions')
}

/** The internal topics have as many replicas as they should and as there are brokers. */
function defaultFactor(state: ControllerState, topic: string): number {
  if (!isInternal(topic)) return intConfig(state.config, 'default.replication.factor')
  const wanted = intConfig(
    state.config,
    topic === OFFSETS_TOPIC ? 'offsets.topic.replication.factor' : 'transaction.state.log.replication.factor',
  )
  return Math.min(wanted, Math.max(state.image.brokers.size, 1))
}

function manualPlacement(state: ControllerState, topic: CreatableTopic): Placement {
  const bad = (message: string) => ({ errorCode: ErrorCode.INVALID_REPLICA_ASSIGNMENT, message })
  if (topic.numPartitions !== -1 || topic.replicationFactor !== -1) {
    return {
      errorCode: ErrorCode.INVALID_REQUEST,
      message: 'With a manual assignment, partition count and replication factor must both be -1.',
    }
  }
  const replicas: number[][] = []
  for (const { partitionIndex, brokerIds } of topic.assignments) {
    if (replicas[partitionIndex] !== undefined)
      return bad(`Found multiple manual assignments for partition ${partitionIndex}.`)
    const unknown = brokerIds.find((id) => !state.image.brokers.has(id))
    if (brokerIds.length === 0) return bad('The manual partition assignment includes an empty replica list.')
    if (unknown !== undefined)
      return bad(`The manual partition assignment includes broker ${unknown}, but no such broker is registered.`)
    if (new Set(brokerIds).size !== brokerIds.length)
      return bad('The manual partition assignment includes duplicate brokers.')
    if (!brokerIds.some((id) => isActive(state.image, id)))
      return bad(`All brokers of the manual assignment for partition ${partitionIndex} are down.`)
    replicas[partitionIndex] = [...brokerIds]
  }
  for (let i = 0; i < replicas.length; i++) {
    if (replicas[i] === undefined) return bad('Partitions should be a consecutive 0-based integer sequence.')
  }
  return { replicas }
}
