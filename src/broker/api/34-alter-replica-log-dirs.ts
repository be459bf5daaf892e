/**
 * AlterReplicaLogDirs (key 34). ReplicaManager.alterReplicaLogDirs (KIP-113). A broker has one log directory, so there is nowhere to move
 * to: a replica that is in the named directory already is fine, any other directory is LOG_DIR_NOT_FOUND, and a partition without a
 * replica here REPLICA_NOT_AVAILABLE.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeAlterReplicaLogDirsResponse } from '../../protocol/make.ts'
import { logOf } from '../state.ts'
import { LOG_DIR } from './35-describe-log-dirs.ts'
import { defineApi } from './handler.ts'

export const alterReplicaLogDirs = defineApi({
  api: 'AlterReplicaLogDirs',
  minVersion: 0,
  maxVersion: 2,
  handle(state, request, _ctx, out) {
    const byTopic = new Map<string, { partitionIndex: number; errorCode: number }[]>()
    for (const { path, topics } of request.body.dirs) {
      for (const { name, partitions } of topics) {
        const results = byTopic.get(name) ?? []
        byTopic.set(name, results)
        for (const partitionIndex of partitions) {
          const errorCode =
            path !== LOG_DIR
              ? ErrorCode.LOG_DIR_NOT_FOUND
              : logOf(state, name, partitionIndex) === undefined
                ? ErrorCode.REPLICA_NOT_AVAILABLE
                : ErrorCode.NONE
          results.push({ partitionIndex, errorCode })
        }
      }
    }
    const results = [...byTopic].map(([topicName, partitions]) => ({ topicName, partitions }))
    out.replies.push({ token: request, body: makeAlterReplicaLogDirsResponse({ results }) })
  },
})
