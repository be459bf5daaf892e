/**
 * CreatePartitions (key 37): forwarded to the controller (KIP-590); what it decides stands in `controller/`.
 * Records stay where they are: only what is written from now on may land in the new partitions.
 */
import { tokenOf } from '../request.ts'
import { defineApi } from './handler.ts'

export const createPartitions = defineApi({
  api: 'CreatePartitions',
  minVersion: 0,
  maxVersion: 3,
  handle(_state, request, _ctx, out) {
    out.forwards.push({ replyTo: tokenOf(request), request: { api: 'CreatePartitions', body: request.body } })
  },
})
