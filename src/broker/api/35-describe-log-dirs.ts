/**
 * DescribeLogDirs (key 35). ReplicaManager.describeLogDirs (KIP-113): the replicas of this broker, in bytes of what their logs hold, and how
 * far their ends are behind their high watermarks. Null topics ask for all; what is not here is left out. The size of the volume is
 * not modelled and told as unknown (KIP-827).
 */
import {
  makeDescribeLogDirsPartition,
  makeDescribeLogDirsResponse,
  makeDescribeLogDirsResult,
} from '../../protocol/make.ts'
import { defineApi } from './handler.ts'

/** Where a broker keeps its logs (the default of `log.dir`). */
export const LOG_DIR = '/tmp/kafka-logs'

export const describeLogDirs = defineApi({
  api: 'DescribeLogDirs',
  minVersion: 0,
  maxVersion: 5,
  handle(state, request, _ctx, out) {
    const wanted =
      request.body.topics === null
        ? null
        : new Set(request.body.topics.flatMap(({ topic, partitions }) => partitions.map((one) => `${topic}-${one}`)))
    const topics = [...state.logs]
      .map(([name, logs]) => ({
        name,
        partitions: logs
          .filter((log) => log !== undefined && (wanted === null || wanted.has(log.key)))
          .map((log) =>
            makeDescribeLogDirsPartition({
              partitionIndex: log.partition,
              partitionSize: log.sizeInBytes,
              offsetLag: Math.max(log.highWatermark - log.logEndOffset, 0),
            }),
          ),
      }))
      .filter(({ partitions }) => partitions.length > 0)
    const results = [makeDescribeLogDirsResult({ logDir: LOG_DIR, topics })]
    out.replies.push({ token: request, body: makeDescribeLogDirsResponse({ results }) })
  },
})
