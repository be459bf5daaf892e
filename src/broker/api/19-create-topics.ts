/**
 * CreateTopics (key 19): forwarded to the controller (KIP-590); what it decides stands in `controller/`.
 * Internal topics cannot be made by clients.
 */
import { tokenOf } from '../request.ts'
import { defineApi } from './handler.ts'

export const createTopics = defineApi({
  api: 'CreateTopics',
  minVersion: 0,
  maxVersion: 7,
  handle(_state, request, _ctx, out) {
    out.forwards.push({
      replyTo: tokenOf(request),
      request: { api: 'CreateTopics', body: request.body, internal: false },
    })
  },
})
