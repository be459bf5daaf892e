/**
 * What consumers tell each other through the coordinator, which does not read it (ConsumerProtocol.java):
 * a member's subscription in JoinGroup's metadata, its assignment in SyncGroup.
 */
import { decodeData, encodeData } from './codec/data.ts'
import { Reader } from './codec/reader.ts'
import { Writer } from './codec/writer.ts'
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

/** What the `sticky` assignor's members say in their user data: their last assignment, and of which generation it is. */
export interface StickyUserData {
  readonly previousAssignment: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
  /** -1: none (version 0 had no such field). */
  readonly generation: number
}

/** StickyAssignor.STICKY_ASSIGNOR_USER_DATA_V1; there is no version in it. */
export function encodeStickyUserData({ previousAssignment, generation }: StickyUserData): Uint8Array {
  const w = new Writer(64)
  w.count(previousAssignment.length)
  for (const { topic, partitions } of previousAssignment) {
    w.string(topic, 'topic')
    w.count(partitions.length)
    for (const partition of partitions) w.int32(partition, 'partition')
  }
  w.int32(generation, 'generation')
  return w.finish().slice()
}

/**
 * Reads version 1, or 0, which ends before the generation.
 *
 * @throws DecodeError
 */
export function decodeStickyUserData(bytes: Uint8Array): StickyUserData {
  const r = new Reader(bytes)
  const previousAssignment = Array.from({ length: r.arrayLength('previousAssignment', false) }, () => ({
    topic: r.string('topic'),
    partitions: Array.from({ length: r.arrayLength('partitions', false) }, () => r.int32('partition')),
  }))
  return { previousAssignment, generation: r.position < bytes.length ? r.int32('generation') : -1 }
}

/** CooperativeStickyAssignor.COOPERATIVE_STICKY_ASSIGNOR_USER_DATA_V0: for leaders that know subscriptions up to version 1 only. */
export function encodeCooperativeUserData(generation: number): Uint8Array {
  const w = new Writer(4)
  w.int32(generation, 'generation')
  return w.finish().slice()
}

/** @throws DecodeError */
export function decodeCooperativeUserData(bytes: Uint8Array): number {
  return new Reader(bytes).int32('generation')
}
