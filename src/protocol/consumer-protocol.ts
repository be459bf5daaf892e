/**
 * What consumers tell each other through the coordinator, which does not read it (ConsumerProtocol.java):
 * a member's subscription in JoinGroup's metadata, its assignment in SyncGroup.
 */
import { decodeData, encodeData } from './codec/data.ts'
import { makeConsumerProtocolAssignment, makeConsumerProtocolSubscription } from './make.ts'
import type { ConsumerProtocolAssignment, ConsumerProtocolSubscription } from './messages.ts'

/** A subscription in the given version (0–3). Owned partitions, generation and rack are dropped where the version lacks them. */
export function encodeSubscription(subscription: Partial<ConsumerProtocolSubscription>, version = 3): Uint8Array {
  return encodeData('ConsumerProtocolSubscription', version, makeConsumerProtocolSubscription(subscription))
}

/**
 * Reads a subscription; a version newer than 3 is read as 3, as every consumer does.
 *
 * @throws DecodeError
 */
export function decodeSubscription(bytes: Uint8Array): ConsumerProtocolSubscription & { readonly version: number } {
  const { version, message } = decodeData('ConsumerProtocolSubscription', bytes, 'newest known')
  return { version, ...message }
}

/** An assignment in the given version (0–3, all with the same fields). */
export function encodeAssignment(assignment: Partial<ConsumerProtocolAssignment>, version = 3): Uint8Array {
  return encodeData('ConsumerProtocolAssignment', version, makeConsumerProtocolAssignment(assignment))
}

/**
 * Reads an assignment; a version newer than 3 is read as 3, as every consumer does.
 *
 * @throws DecodeError
 */
export function decodeAssignment(bytes: Uint8Array): ConsumerProtocolAssignment & { readonly version: number } {
  const { version, message } = decodeData('ConsumerProtocolAssignment', bytes, 'newest known')
  return { version, ...message }
}
