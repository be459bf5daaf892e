/** ListPartitionReassignments (key 46): the controller knows (KIP-590), `controller/reassignment.ts`. */
import { tokenOf } from '../request.ts'
import { defineApi } from './handler.ts'

export const listPartitionReassignments = defineApi({
  api: 'ListPartitionReassignments',
  minVersion: 0,
  maxVersion: 0,
  handle(_state, request, _ctx, out) {
    out.forwards.push({ replyTo: tokenOf(request), request: { api: 'ListPartitionReassignments', body: request.body } })
  },
})
