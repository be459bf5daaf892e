/**
 * Which versions of an API each release of Apache Kafka offers to clients: from the release named on, these, until the next one
 * (`validVersions` in the message definitions of 2.4.0 to 4.3.0, `clients/src/main/resources/common/message`). Versions that a
 * release marks unstable (`latestVersionUnstable`) are not counted. Before 4.0 they are those of brokers with ZooKeeper, as that is
 * what is posed as. KIP-896 is the row of minima at 4.0; 4.1 took that of JoinGroup back (KAFKA-19444).
 */
import type { ApiName } from '../../protocol/messages.ts'

/** What can be posed as. */
export const KAFKA_RELEASES = [
  ...['2.4', '2.5', '2.6', '2.7', '2.8'],
  ...['3.0', '3.1', '3.2', '3.3', '3.4', '3.5', '3.6', '3.7', '3.8', '3.9'],
  ...['4.0', '4.1', '4.2', '4.3'],
] as const

/** Since the release: the lowest and the highest version. */
export type Release = readonly [since: string, minVersion: number, maxVersion: number]

// biome-ignore format: a table
export const RELEASES: { readonly [A in ApiName]: readonly Release[] } = {
  Produce: [['2.4', 0, 8], ['2.8', 0, 9], ['3.7', 0, 10], ['3.8', 0, 11], ['4.0', 3, 12], ['4.1', 3, 13]],
  Fetch: [
    ['2.4', 0, 11], ['2.7', 0, 12], ['3.1', 0, 13], ['3.5', 0, 15], ['3.7', 0, 16], ['3.9', 0, 17], ['4.0', 4, 17],
    ['4.1', 4, 18],
  ],
  ListOffsets: [
    ['2.4', 0, 5], ['2.8', 0, 6], ['3.0', 0, 7], ['3.5', 0, 8], ['3.9', 0, 9], ['4.0', 1, 10], ['4.2', 1, 11],
  ],
  Metadata: [['2.4', 0, 9], ['2.8', 0, 11], ['3.1', 0, 12], ['4.0', 0, 13]],
  OffsetCommit: [['2.4', 0, 8], ['3.7', 0, 9], ['4.0', 2, 9], ['4.2', 2, 10]],
  OffsetFetch: [['2.4', 0, 6], ['2.5', 0, 7], ['3.0', 0, 8], ['3.7', 0, 9], ['4.0', 1, 9], ['4.2', 1, 10]],
  FindCoordinator: [['2.4', 0, 3], ['3.0', 0, 4], ['3.8', 0, 5], ['3.9', 0, 6]],
  JoinGroup: [['2.4', 0, 6], ['2.5', 0, 7], ['3.2', 0, 9], ['4.0', 2, 9], ['4.1', 0, 9]],
  Heartbeat: [['2.4', 0, 4]],
  LeaveGroup: [['2.4', 0, 4], ['3.2', 0, 5]],
  SyncGroup: [['2.4', 0, 4], ['2.5', 0, 5]],
  DescribeGroups: [['2.4', 0, 5], ['4.0', 0, 6]],
  ListGroups: [['2.4', 0, 3], ['2.6', 0, 4], ['3.8', 0, 5]],
  ApiVersions: [['2.4', 0, 3], ['3.9', 0, 4]],
  CreateTopics: [['2.4', 0, 5], ['2.7', 0, 6], ['2.8', 0, 7], ['4.0', 2, 7]],
  DeleteTopics: [['2.4', 0, 4], ['2.7', 0, 5], ['2.8', 0, 6], ['4.0', 1, 6]],
  DeleteRecords: [['2.4', 0, 1], ['2.6', 0, 2]],
  InitProducerId: [['2.4', 0, 2], ['2.5', 0, 3], ['2.7', 0, 4], ['3.8', 0, 5]],
  OffsetForLeaderEpoch: [['2.4', 0, 3], ['2.8', 0, 4], ['4.0', 2, 4]],
  AddPartitionsToTxn: [['2.4', 0, 1], ['2.7', 0, 2], ['2.8', 0, 3], ['3.6', 0, 4], ['3.8', 0, 5]],
  AddOffsetsToTxn: [['2.4', 0, 1], ['2.7', 0, 2], ['2.8', 0, 3], ['3.8', 0, 4]],
  EndTxn: [['2.4', 0, 1], ['2.7', 0, 2], ['2.8', 0, 3], ['3.8', 0, 4], ['4.0', 0, 5]],
  WriteTxnMarkers: [['2.4', 0, 0], ['2.8', 0, 1], ['4.0', 1, 1], ['4.2', 1, 2]],
  TxnOffsetCommit: [['2.4', 0, 2], ['2.5', 0, 3], ['3.8', 0, 4], ['4.0', 0, 5]],
  DescribeConfigs: [['2.4', 0, 2], ['2.6', 0, 3], ['2.8', 0, 4], ['4.0', 1, 4]],
  AlterConfigs: [['2.4', 0, 1], ['2.8', 0, 2]],
  AlterReplicaLogDirs: [['2.4', 0, 1], ['2.8', 0, 2], ['4.0', 1, 2]],
  DescribeLogDirs: [['2.4', 0, 1], ['2.6', 0, 2], ['3.2', 0, 3], ['3.3', 0, 4], ['4.0', 1, 4], ['4.3', 1, 5]],
  CreatePartitions: [['2.4', 0, 1], ['2.5', 0, 2], ['2.7', 0, 3]],
  DeleteGroups: [['2.4', 0, 2]],
  ElectLeaders: [['2.4', 0, 2]],
  IncrementalAlterConfigs: [['2.4', 0, 1]],
  AlterPartitionReassignments: [['2.4', 0, 0], ['4.1', 0, 1]],
  ListPartitionReassignments: [['2.4', 0, 0]],
  OffsetDelete: [['2.4', 0, 0]],
  UpdateFeatures: [['2.7', 0, 0], ['3.3', 0, 1], ['4.0', 0, 2]],
  DescribeCluster: [['2.8', 0, 0], ['3.7', 0, 1], ['4.0', 0, 2]],
  DescribeProducers: [['2.8', 0, 0]],
  DescribeTransactions: [['3.0', 0, 0]],
  ListTransactions: [['3.0', 0, 0], ['3.8', 0, 1], ['4.1', 0, 2]],
  ConsumerGroupHeartbeat: [['3.7', 0, 0], ['4.0', 0, 1]],
  ConsumerGroupDescribe: [['3.8', 0, 0], ['4.0', 0, 1]],
  // As ListClientMetricsResources and since 3.7 with KRaft.
  ListConfigResources: [['4.0', 0, 0], ['4.1', 0, 1]],
  // Since 3.8 with KRaft.
  DescribeTopicPartitions: [['4.0', 0, 0]],
}
