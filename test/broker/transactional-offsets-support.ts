/** Offsets of group g committed in a transaction, and their marker, request by request. */
import { errorName } from '../../src/protocol/errors.ts'
import {
  makeTxnOffsetCommitRequest,
  makeWritableTxnMarker,
  makeWriteTxnMarkersRequest,
} from '../../src/protocol/make.ts'
import type { Bench } from './support.ts'

export const txnCommit = (
  bench: Bench,
  offset: number,
  {
    version = 3,
    producerId = 7,
    producerEpoch = 0,
    generationId = -1,
    memberId = '',
    groupInstanceId = null as string | null,
    topic = 'orders',
    metadata = '',
  } = {},
) =>
  bench
    .ask(
      'TxnOffsetCommit',
      version,
      makeTxnOffsetCommitRequest({
        transactionalId: 'tx',
        groupId: 'g',
        producerId,
        producerEpoch,
        generationId,
        memberId,
        groupInstanceId,
        topics: [
          {
            name: topic,
            partitions: [
              { partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: metadata },
            ],
          },
        ],
      }),
    )
    .topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorName(errorCode)))
    .join()

/** The transaction's marker, in the group's partition. */
export const end = (bench: Bench, transactionResult: boolean, { producerId = 7, producerEpoch = 0 } = {}) =>
  bench
    .ask(
      'WriteTxnMarkers',
      1,
      makeWriteTxnMarkersRequest({
        markers: [
          makeWritableTxnMarker({
            producerId,
            producerEpoch,
            transactionResult,
            coordinatorEpoch: 0,
            topics: [{ name: '__consumer_offsets', partitionIndexes: [0] }],
          }),
        ],
      }),
    )
    .markers.flatMap(({ topics }) => topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode)))
