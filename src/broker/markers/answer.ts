/** The answer to who had markers written: a coordinator gets a message, a client a response. */
import {
  makeWritableTxnMarkerPartitionResult,
  makeWritableTxnMarkerResult,
  makeWritableTxnMarkerTopicResult,
  makeWriteTxnMarkersResponse,
} from '../../protocol/make.ts'
import type { WriteTxnMarkersResponse } from '../../protocol/messages.ts'
import type { Decision } from '../decision.ts'
import type { MarkerResult } from '../replication/messages.ts'
import type { BrokerState, MarkersAsker } from '../state.ts'

export function answerMarkers(
  { id }: BrokerState,
  asker: MarkersAsker,
  results: readonly MarkerResult[],
  out: Decision,
): void {
  if (asker.type === 'client') {
    out.replies.push({ token: asker.token, body: responseOf(results) })
    return
  }
  const { broker: to, request } = asker
  out.sends.push({ to, message: { type: 'txn-markers-written', from: id, request, results } })
}

/** WriteTxnMarkersResponse: by producer id, then topic; of two markers for one partition the later one counts. */
function responseOf(results: readonly MarkerResult[]): WriteTxnMarkersResponse {
  const producers = new Map<number, Map<string, Map<number, number>>>()
  for (const { producerId, topic, partition, errorCode } of results) {
    const topics = producers.get(producerId) ?? new Map<string, Map<number, number>>()
    producers.set(producerId, topics)
    const partitions = topics.get(topic) ?? new Map<number, number>()
    topics.set(topic, partitions)
    partitions.set(partition, errorCode)
  }
  return makeWriteTxnMarkersResponse({
    markers: [...producers].map(([producerId, topics]) =>
      makeWritableTxnMarkerResult({
        producerId,
        topics: [...topics].map(([name, partitions]) =>
          makeWritableTxnMarkerTopicResult({
            name,
            partitions: [...partitions].map(([partitionIndex, errorCode]) =>
              makeWritableTxnMarkerPartitionResult({ partitionIndex, errorCode }),
            ),
          }),
        ),
      }),
    ),
  })
}
