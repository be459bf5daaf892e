/** DeleteTopics (key 20): forwarded to the controller (KIP-590); what it decides stands in `controller/`. */
import { tokenOf } from '../request.ts'
import { defineApi } from './handler.ts'

export const deleteTopics = defineApi({
  api: 'DeleteTopics',
  minVersion: 0,
  maxVersion: 6,
  handle(_state, request, _ctx, out) {
    out.forwards.push({ replyTo: tokenOf(request), request: { api: 'DeleteTopics', body: request.body } })
  },
})
