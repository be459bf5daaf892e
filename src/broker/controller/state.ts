/**
 * The controller's state: the metadata log and the image that follows from it (QuorumController.java). Everything the
 * controller knows is in the log, so another one takes over by replaying it.
 */
import type { BrokerConfig } from '../config.ts'
import { applyMetadata, createImage, type MetadataImage, type MetadataRecord, type TopicInfo } from '../metadata.ts'
import { dynamicConfig } from '../state.ts'
import type { Switches } from '../switches.ts'

export interface ControllerState {
  readonly config: BrokerConfig
  readonly switches: Switches
  /** Counts the controllers there have been (the epoch of the metadata quorum). */
  readonly epoch: number
  /** The metadata log. */
  readonly log: MetadataRecord[]
  readonly image: MetadataImage
  /** Where the log ended when a broker began its controlled shutdown: it may stop once all others have read so far. */
  readonly shutdownOffsets: Map<number, number>
}

export function createController(config: BrokerConfig, switches: Switches): ControllerState {
  return { config, switches, epoch: 0, log: [], image: createImage(), shutdownOffsets: new Map() }
}

/** Another controller takes over: it knows what the log says, and nothing else. */
export function newControllerEpoch({ config, switches, epoch, log }: ControllerState): ControllerState {
  const next: ControllerState = { ...createController(config, switches), epoch: epoch + 1 }
  commit(next, log)
  for (const { id, fenced, inControlledShutdown } of next.image.brokers.values()) {
    if (inControlledShutdown && !fenced) next.shutdownOffsets.set(id, log.length)
  }
  return next
}

export function commit(state: ControllerState, records: readonly MetadataRecord[]): void {
  for (const record of records) {
    state.log.push(record)
    applyMetadata(state.image, record)
  }
}

/**
 * A topic's effective configuration as the controller sees it: its own, that of all brokers, what it was started with. These
 * have the same name and unit for topics and brokers.
 */
export function effectiveTopicConfig(
  state: ControllerState,
  topic: TopicInfo,
  name: 'min.insync.replicas' | 'unclean.leader.election.enable',
): string {
  return topic.config[name] ?? dynamicConfig(state.image, '')[name] ?? state.config[name]
}
