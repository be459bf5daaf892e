/**
 * ApiVersions (key 18). KafkaApis.handleApiVersionsRequest. What is advertised is what is registered in `index.ts`:
 * nothing without semantics.
 */
import { makeApiVersionsResponse } from '../../protocol/make.ts'
import { defineApi } from './handler.ts'

export const apiVersions = defineApi({
  api: 'ApiVersions',
  minVersion: 0,
  maxVersion: 4,
  handle(state, request, _ctx, out) {
    out.replies.push({ token: request, body: makeApiVersionsResponse({ apiKeys: state.advertised }) })
  },
})
