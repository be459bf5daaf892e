/** UpdateFeatures (key 57, KIP-584): forwarded to the controller, which decides it in `controller/features.ts`. */
import { tokenOf } from '../request.ts'
import { defineApi } from './handler.ts'

export const updateFeatures = defineApi({
  api: 'UpdateFeatures',
  minVersion: 0,
  maxVersion: 2,
  handle(state, request, _ctx, out) {
    const { body, apiVersion } = request
    const { features } = state.offer
    out.forwards.push({ replyTo: tokenOf(request), request: { api: 'UpdateFeatures', body, apiVersion, features } })
  },
})
