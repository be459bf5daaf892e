/**
 * WriteTxnMarkers (key 27). KafkaApis.handleWriteTxnMarkersRequest.
 *
 * How an admin aborts a transaction that hangs (KIP-664): it names producer, epoch and coordinator epoch as DescribeProducers has
 * told them, and asks the leader. Coordinators of this cluster write theirs as messages between brokers (`markers/write.ts`, which
 * says what is refused).
 */
import type { WritableTxnMarker } from '../../protocol/messages.ts'
import type { TxnMarker } from '../replication/messages.ts'
import { tokenOf } from '../request.ts'
import { defineApi } from './handler.ts'

export const writeTxnMarkers = defineApi({
  api: 'WriteTxnMarkers',
  minVersion: 0,
  maxVersion: 1,
  handle(_state, request, _ctx, out) {
    const markers = request.body.markers.map(asMarker)
    out.changes.push({ op: 'write-markers', asker: { type: 'client', token: tokenOf(request) }, markers })
  },
})

function asMarker({ transactionResult: commit, topics, ...ofProducer }: WritableTxnMarker): TxnMarker {
  const { producerId, producerEpoch, coordinatorEpoch } = ofProducer
  const partitions = topics.flatMap(({ name: topic, partitionIndexes }) =>
    partitionIndexes.map((partition) => ({ topic, partition })),
  )
  return { producerId, producerEpoch, commit, coordinatorEpoch, version: 0, partitions }
}
