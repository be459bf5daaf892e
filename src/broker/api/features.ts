/**
 * The features of a release (Feature.java, MetadataVersion.java). Clusters with ZooKeeper, which everything before 4.0 poses as, have
 * none here. Of Kafka's features those stand here that are modelled: share groups and streams groups are not.
 */
import type { ApiName } from '../../protocol/messages.ts'
import { type Feature, isSince, type VersionRange } from '../offer.ts'

/** MetadataVersion.MINIMUM_VERSION: 3.3-IV3. */
const METADATA_MIN = 7
/** MetadataVersion.LATEST_PRODUCTION by release: the level a new cluster has. */
const METADATA_LEVELS = [
  ['4.3', 30],
  ['4.2', 29],
  ['4.1', 27],
  ['4.0', 25],
] as const

/** @param served what of the release is served: level 2 of transactions needs the versions that KIP-890 has made */
export function featuresOf(release: string, served: ReadonlyMap<ApiName, VersionRange>): readonly Feature[] {
  const metadata = METADATA_LEVELS.find(([since]) => isSince(release, since))?.[1]
  if (metadata === undefined) return []
  const reaches = (api: ApiName) => (served.get(api)?.maxVersion ?? 0) >= 5
  const transactions = reaches('EndTxn') && reaches('TxnOffsetCommit') ? 2 : 0
  return [
    // KIP-966; new clusters have it since 4.1.
    {
      name: 'eligible.leader.replicas.version',
      minVersion: 0,
      maxVersion: 1,
      level: isSince(release, '4.1') ? 1 : 0,
    },
    // KIP-848.
    { name: 'group.version', minVersion: 0, maxVersion: 1, level: 1 },
    // KIP-853: a controller that never changes is a static quorum.
    { name: 'kraft.version', minVersion: 0, maxVersion: 1, level: 0 },
    { name: 'metadata.version', minVersion: METADATA_MIN, maxVersion: metadata, level: metadata },
    // KIP-890.
    { name: 'transaction.version', minVersion: 0, maxVersion: transactions, level: transactions },
  ]
}
