/**
 * AlterPartitionReassignments (key 45): forwarded to the controller (KIP-590), `controller/reassignment.ts`. The answer comes
 * when the reassignment has begun; ListPartitionReassignments shows when it is over.
 */
import { tokenOf } from '../request.ts'
import { defineApi } from './handler.ts'

export const alterPartitionReassignments = defineApi({
  api: 'AlterPartitionReassignments',
  minVersion: 0,
  maxVersion: 1,
  handle(_state, request, _ctx, out) {
    out.forwards.push({
      replyTo: tokenOf(request),
      request: { api: 'AlterPartitionReassignments', body: request.body },
    })
  },
})
