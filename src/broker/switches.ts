/**
 * Fixes of known protocol bugs, each of which can be turned off so that its anomaly can be shown. What is on follows from
 * the Kafka version posed as.
 */
import { isSince } from './offer.ts'

export interface Switches {
  /** KIP-101: a follower truncates where epochs part, not at its own high watermark. */
  readonly truncation: 'leaderEpoch' | 'highWatermark'
  /** KIP-279: OffsetForLeaderEpoch may answer about an earlier epoch than the asked one, and the follower asks on. */
  readonly kip279: boolean
  /** KIP-320: fetches and their answers carry the leader epoch; another one has no effect. */
  readonly fetchFencing: boolean
  /** KIP-497: the high watermark waits for proposed members of the ISR, too. */
  readonly maximalIsr: boolean
  /** KIP-903: AlterPartition carries broker epochs, so that a replica that restarted since is not let in. */
  readonly brokerEpochFencing: boolean
  /** KIP-966: replicas that left the ISR below min.insync.replicas stay eligible as leaders. */
  readonly elr: boolean
  /** KAFKA-15021: a shrinking ISR does not need a new leader epoch; before, it got one, and clients were turned away. */
  readonly keepEpochOnShrink: boolean
  /** KIP-360: of a producer that a leader does not know any sequence is taken; before, it was UNKNOWN_PRODUCER_ID. */
  readonly kip360: boolean
  /** KIP-890: a leader asks the coordinator whether a partition is in the transaction before it takes the first record of it. */
  readonly txnVerification: boolean
  /** KIP-890: every transaction has an epoch of its own, so what is late of one cannot get into the next. */
  readonly epochBumpPerTxn: boolean
  /** KAFKA-15583: below min.insync.replicas the high watermark stands still. */
  readonly strictMinIsr: boolean
}

export const SWITCH_NAMES = [
  'truncation',
  'kip279',
  'kip360',
  'fetchFencing',
  'maximalIsr',
  'brokerEpochFencing',
  'elr',
  'keepEpochOnShrink',
  'txnVerification',
  'epochBumpPerTxn',
  'strictMinIsr',
] as const satisfies readonly (keyof Switches)[]

/** The newest Apache Kafka that is posed as, and the default. */
export const NEWEST_KAFKA = '4.3'

/** What Kafka of a version does; `version` as '4.3'. KIP-101, 279 and 320 are older than any version known here. */
export function switchesOf(version: string): Switches {
  const since = (major: number, minor: number) => isSince(version, `${major}.${minor}`)
  return {
    truncation: 'leaderEpoch',
    kip279: true,
    kip360: since(2, 5),
    fetchFencing: true,
    maximalIsr: since(2, 7),
    brokerEpochFencing: since(3, 5),
    // 4.0 has it, off by default (eligible.leader.replicas.version).
    elr: since(4, 1),
    keepEpochOnShrink: since(3, 6),
    txnVerification: since(3, 6),
    epochBumpPerTxn: since(4, 0),
    strictMinIsr: since(3, 7),
  }
}
