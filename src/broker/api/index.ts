/** The APIs a broker answers; one file each. This table is what `step` dispatches on; `releases.ts` says which versions a release has. */
import { API } from '../../protocol/apis.ts'
import type { ApiName } from '../../protocol/messages.ts'
import { isSince, type Offer, type VersionRange } from '../offer.ts'
import { produce } from './00-produce.ts'
import { fetch } from './01-fetch.ts'
import { listOffsets } from './02-list-offsets.ts'
import { metadata } from './03-metadata.ts'
import { offsetCommit } from './08-offset-commit.ts'
import { offsetFetch } from './09-offset-fetch.ts'
import { findCoordinator } from './10-find-coordinator.ts'
import { joinGroup } from './11-join-group.ts'
import { heartbeat } from './12-heartbeat.ts'
import { leaveGroup } from './13-leave-group.ts'
import { syncGroup } from './14-sync-group.ts'
import { describeGroups } from './15-describe-groups.ts'
import { listGroups } from './16-list-groups.ts'
import { apiVersions } from './18-api-versions.ts'
import { createTopics } from './19-create-topics.ts'
import { deleteTopics } from './20-delete-topics.ts'
import { deleteRecords } from './21-delete-records.ts'
import { initProducerId } from './22-init-producer-id.ts'
import { offsetForLeaderEpoch } from './23-offset-for-leader-epoch.ts'
import { addPartitionsToTxn } from './24-add-partitions-to-txn.ts'
import { addOffsetsToTxn } from './25-add-offsets-to-txn.ts'
import { endTxn } from './26-end-txn.ts'
import { writeTxnMarkers } from './27-write-txn-markers.ts'
import { txnOffsetCommit } from './28-txn-offset-commit.ts'
import { describeConfigs } from './32-describe-configs.ts'
import { alterConfigs } from './33-alter-configs.ts'
import { alterReplicaLogDirs } from './34-alter-replica-log-dirs.ts'
import { describeLogDirs } from './35-describe-log-dirs.ts'
import { createPartitions } from './37-create-partitions.ts'
import { deleteGroups } from './42-delete-groups.ts'
import { electLeaders } from './43-elect-leaders.ts'
import { incrementalAlterConfigs } from './44-incremental-alter-configs.ts'
import { alterPartitionReassignments } from './45-alter-partition-reassignments.ts'
import { listPartitionReassignments } from './46-list-partition-reassignments.ts'
import { offsetDelete } from './47-offset-delete.ts'
import { updateFeatures } from './57-update-features.ts'
import { describeCluster } from './60-describe-cluster.ts'
import { describeProducers } from './61-describe-producers.ts'
import { describeTransactions } from './65-describe-transactions.ts'
import { listTransactions } from './66-list-transactions.ts'
import { consumerGroupHeartbeat } from './68-consumer-group-heartbeat.ts'
import { consumerGroupDescribe } from './69-consumer-group-describe.ts'
import { listConfigResources } from './74-list-config-resources.ts'
import { describeTopicPartitions } from './75-describe-topic-partitions.ts'
import { featuresOf } from './features.ts'
import type { ApiHandler } from './handler.ts'
import { RELEASES, type Release } from './releases.ts'

/** A handler of any API; `step` hands it only requests of its own. */
type AnyHandler = ApiHandler<ApiName>

const ALL = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  apiVersions,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  addPartitionsToTxn,
  addOffsetsToTxn,
  endTxn,
  writeTxnMarkers,
  txnOffsetCommit,
  describeConfigs,
  alterConfigs,
  alterReplicaLogDirs,
  describeLogDirs,
  createPartitions,
  deleteGroups,
  electLeaders,
  incrementalAlterConfigs,
  alterPartitionReassignments,
  listPartitionReassignments,
  offsetDelete,
  updateFeatures,
  describeCluster,
  describeProducers,
  describeTransactions,
  listTransactions,
  consumerGroupHeartbeat,
  consumerGroupDescribe,
  listConfigResources,
  describeTopicPartitions,
] as unknown as readonly AnyHandler[]

export const HANDLERS: ReadonlyMap<ApiName, AnyHandler> = new Map(ALL.map((handler) => [handler.api, handler]))

/**
 * What a release of Kafka ('4.3') offers: of its versions those that have semantics here. Produce is advertised from version 0 on, also
 * since 4.0, which serves it from 3: librdkafka goes without compression otherwise (KAFKA-18659).
 */
export function offerOf(release: string): Offer {
  const served = new Map<ApiName, VersionRange>()
  for (const { api, minVersion, maxVersion } of ALL) {
    const [, least, most] = RELEASES[api].filter(([since]) => isSince(release, since)).at(-1) ?? NOT_YET
    const range = { minVersion: Math.max(least, minVersion), maxVersion: Math.min(most, maxVersion) }
    if (range.minVersion <= range.maxVersion) served.set(api, range)
  }
  const advertised = [...served].map(([api, { minVersion, maxVersion }]) => ({
    apiKey: API[api].key,
    minVersion: api === 'Produce' ? 0 : minVersion,
    maxVersion,
  }))
  return { release, advertised, served, features: featuresOf(release, served) }
}

/** Of an API that the release has not. */
const NOT_YET: Release = ['', 0, -1]
