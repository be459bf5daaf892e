/**
 * Which version of each API the client speaks: the highest that both kafkajs 2.2.4 and the broker know. The lower
 * ends are where record batches v2 begin, or where the fields the client reads appear.
 */

import { API } from '../../protocol/apis.ts'
import type { ApiName } from '../../protocol/messages.ts'
import { KafkaJSServerDoesNotSupportApiKey } from '../errors/network.ts'

interface Range {
  readonly min: number
  readonly max: number
}

const spoken: { readonly [A in ApiName]?: Range } = {
  Produce: { min: 3, max: 7 },
  Fetch: { min: 4, max: 11 },
  ListOffsets: { min: 1, max: 3 },
  Metadata: { min: 1, max: 6 },
  OffsetCommit: { min: 2, max: 5 },
  OffsetFetch: { min: 1, max: 4 },
  FindCoordinator: { min: 0, max: 2 },
  JoinGroup: { min: 0, max: 5 },
  Heartbeat: { min: 0, max: 3 },
  LeaveGroup: { min: 0, max: 3 },
  SyncGroup: { min: 0, max: 3 },
  DescribeGroups: { min: 0, max: 2 },
  ListGroups: { min: 0, max: 2 },
  ApiVersions: { min: 0, max: 2 },
  CreateTopics: { min: 0, max: 3 },
  DeleteTopics: { min: 0, max: 1 },
  DeleteRecords: { min: 0, max: 1 },
  InitProducerId: { min: 0, max: 1 },
  AddPartitionsToTxn: { min: 0, max: 1 },
  AddOffsetsToTxn: { min: 0, max: 1 },
  EndTxn: { min: 0, max: 1 },
  TxnOffsetCommit: { min: 0, max: 1 },
  CreatePartitions: { min: 0, max: 1 },
  DescribeConfigs: { min: 0, max: 2 },
  AlterConfigs: { min: 0, max: 1 },
  DeleteGroups: { min: 0, max: 1 },
  AlterPartitionReassignments: { min: 0, max: 0 },
  ListPartitionReassignments: { min: 0, max: 0 },
  // Beyond kafkajs.
  ConsumerGroupHeartbeat: { min: 1, max: 1 },
  WriteTxnMarkers: { min: 0, max: 1 },
  DescribeProducers: { min: 0, max: 0 },
  DescribeTransactions: { min: 0, max: 0 },
  ListTransactions: { min: 0, max: 1 },
}

/** kafkajs's ApiVersions versions, tried from the highest down while the broker answers UNSUPPORTED_VERSION. */
export const apiVersionsCandidates: readonly number[] = [2, 1, 0]

/** What a broker advertised: API key to its range. */
export type AdvertisedVersions = ReadonlyMap<number, Range>

/**
 * @throws KafkaJSServerDoesNotSupportApiKey when the broker does not offer the API, or no version of it that the
 * client speaks.
 */
export function negotiateVersion(api: ApiName, advertised: AdvertisedVersions, upTo?: number): number {
  const ours = spoken[api]
  const { key } = API[api]
  const theirs = advertised.get(key)
  if (ours === undefined || theirs === undefined || theirs.min > ours.max || theirs.max < ours.min) {
    throw new KafkaJSServerDoesNotSupportApiKey('The Kafka server does not support the requested API version', {
      apiKey: key,
      apiName: kafkajsApiName(api),
    })
  }
  return Math.min(upTo ?? ours.max, theirs.max)
}

/** kafkajs's name of an API, as its events and errors show it. */
export function kafkajsApiName(api: string): string {
  return api === 'FindCoordinator' ? 'GroupCoordinator' : api
}
