/**
 * Brokers come, go and announce that they will (ClusterControlManager.java, BrokerHeartbeatManager.java, and
 * ReplicationControlManager.handleBroker…): what that does to the partitions they hold.
 */
import {
  type BrokerInfo,
  isActive,
  type MetadataRecord,
  type PartitionInfo,
  type PartitionRecord,
} from '../metadata.ts'
import { change, electionOf } from './change.ts'
import { without } from './partition-change.ts'
import { type ControllerState, commit } from './state.ts'

export interface BrokerRegistration {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
  /** It stopped in order last time, so its logs are whole: it names the broker epoch it had (KIP-966, previousBrokerEpoch). */
  readonly cleanShutdown: boolean
}

/**
 * A broker registers, with a new broker epoch and fenced until it has read the metadata log. If its former incarnation is
 * still in service, that one ends here.
 */
export function registerBroker(state: ControllerState, registration: BrokerRegistration): readonly MetadataRecord[] {
  const { id, host, port, rack, cleanShutdown } = registration
  const records: MetadataRecord[] =
    state.switches.elr && !cleanShutdown ? changesFor(state, { unclean: id }) : changesFor(state, { removed: id })
  const epoch = state.log.length + records.length
  records.push({ type: 'broker', id, host, port, rack, epoch, fenced: true, inControlledShutdown: false })
  state.shutdownOffsets.delete(id)
  commit(state, records)
  return records
}

/** The controller has not heard of a broker for its session timeout: it leaves every ISR, others lead what it led. */
export function fenceBroker(state: ControllerState, id: number): readonly MetadataRecord[] {
  const broker = state.image.brokers.get(id)
  if (broker === undefined || broker.fenced) return []
  const records: MetadataRecord[] = [...changesFor(state, { removed: id }), changed(broker, { fenced: true })]
  state.shutdownOffsets.delete(id)
  commit(state, records)
  return records
}

/** A broker has read the metadata log up to its registration: it is in service, and may lead what nobody leads. */
export function unfenceBroker(state: ControllerState, id: number): readonly MetadataRecord[] {
  const broker = state.image.brokers.get(id)
  if (broker === undefined || !broker.fenced) return []
  const records: MetadataRecord[] = [changed(broker, { fenced: false }), ...changesFor(state, { added: id })]
  commit(state, records)
  return records
}

/** Whether a fenced broker that has read the metadata log up to an offset may be unfenced. */
export function hasCaughtUp(state: ControllerState, id: number, metadataOffset: number): boolean {
  const broker = state.image.brokers.get(id)
  return broker !== undefined && metadataOffset > broker.epoch
}

/**
 * A broker wants to stop (KIP-841): what it leads goes to others and it leaves the ISRs while it still serves; with
 * nothing to hand over it is fenced at once. `mayShutDown` says when it may go.
 */
export function beginControlledShutdown(state: ControllerState, id: number): readonly MetadataRecord[] {
  const broker = state.image.brokers.get(id)
  if (broker === undefined || broker.fenced || broker.inControlledShutdown) return []
  if (!leadsAnything(state, id)) return fenceBroker(state, id)
  const records: MetadataRecord[] = [
    changed(broker, { inControlledShutdown: true }),
    ...changesFor(state, { removed: id }),
  ]
  commit(state, records)
  state.shutdownOffsets.set(id, state.log.length)
  return records
}

/**
 * Whether a broker that asked to stop may do so: it leads nothing, and every other broker in service knows that.
 *
 * @param lowestOffset how many records of the metadata log every active broker has read at least
 */
export function mayShutDown(state: ControllerState, id: number, lowestOffset: number): boolean {
  const broker = state.image.brokers.get(id)
  if (broker === undefined || broker.fenced) return true
  const since = state.shutdownOffsets.get(id)
  return since !== undefined && !leadsAnything(state, id) && since <= lowestOffset
}

/** A broker appears at once, or is fenced: for worlds and tests without registration and heartbeats. */
export function brokerChanged(
  state: ControllerState,
  broker: {
    readonly id: number
    readonly host: string
    readonly port: number
    readonly fenced: boolean
    readonly rack?: string | null
  },
): readonly MetadataRecord[] {
  if (broker.fenced) return fenceBroker(state, broker.id)
  const registered = registerBroker(state, { rack: null, ...broker, cleanShutdown: true })
  return [...registered, ...unfenceBroker(state, broker.id)]
}

function changed(broker: BrokerInfo, to: Partial<BrokerInfo>): MetadataRecord {
  return { type: 'broker', ...broker, ...to }
}

function leadsAnything({ image }: ControllerState, id: number): boolean {
  for (const { partitions } of image.topics.values()) if (partitions.some(({ leader }) => leader === id)) return true
  return false
}

/** At most one of them: the image is not changed yet, so it says what is about to hold for the broker. */
interface Cause {
  /** Leaves the ISRs and leads no more. */
  readonly removed?: number
  /** May lead now. */
  readonly added?: number
  /** Leaves ISRs and ELRs: the end of its logs may be lost. */
  readonly unclean?: number
}

/** ReplicationControlManager.generateLeaderAndIsrUpdates. */
function changesFor(state: ControllerState, { removed = -1, added = -1, unclean = -1 }: Cause): PartitionRecord[] {
  const concerned = ({ isr, elr, leader }: PartitionInfo) =>
    added >= 0 ? leader < 0 : isr.includes(removed) || isr.includes(unclean) || elr.includes(unclean)
  const acceptable = (id: number) => id !== removed && id !== unclean && (id === added || isActive(state.image, id))
  const records: PartitionRecord[] = []
  for (const topic of state.image.topics.values()) {
    for (const info of topic.partitions) {
      if (!concerned(info)) continue
      const record = change(state, topic, info, {
        acceptable,
        isr: without(info.isr, [removed, unclean]),
        election: electionOf(state, topic),
        ...(unclean < 0 ? {} : { uncleanShutdown: [unclean] }),
      })
      if (record !== null) records.push(record)
    }
  }
  return records
}
