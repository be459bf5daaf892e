/** ElectLeaders (key 43): forwarded to the controller (KIP-590), `controller/elections.ts`. Before v1 the election is of preferred leaders. */
import { tokenOf } from '../request.ts'
import { defineApi } from './handler.ts'

export const electLeaders = defineApi({
  api: 'ElectLeaders',
  minVersion: 0,
  maxVersion: 2,
  handle(_state, request, _ctx, out) {
    out.forwards.push({ replyTo: tokenOf(request), request: { api: 'ElectLeaders', body: request.body } })
  },
})
