/**
 * AlterConfigs (key 33). KafkaApis.handleAlterConfigsRequest: the broker checks form and brokers (`config/change.ts`), the
 * rest is forwarded to the controller (`controller/configs.ts`). What a resource had and the request does not name is
 * gone: the whole configuration is replaced. IncrementalAlterConfigs (KIP-339) is the one that changes single entries.
 */
import { ConfigOperation, preprocessChanges } from '../config/change.ts'
import { type AlterConfigs, alterConfigsResponse } from '../controller/configs.ts'
import type { Decision } from '../decision.ts'
import { type RequestToken, tokenOf } from '../request.ts'
import type { BrokerState } from '../state.ts'
import { defineApi } from './handler.ts'

export const alterConfigs = defineApi({
  api: 'AlterConfigs',
  minVersion: 0,
  maxVersion: 2,
  handle(state, request, _ctx, out) {
    const { resources, validateOnly } = request.body
    const changes = resources.map(({ resourceType, resourceName, configs }) => ({
      resourceType,
      resourceName,
      replaces: true,
      entries: configs.map(({ name, value }) => ({ name, value, operation: ConfigOperation.SET })),
    }))
    forwardChanges(state, request, { api: 'AlterConfigs', changes, validateOnly }, out)
  },
})

/** What nobody but the controller can decide goes to it; when nothing is left, the broker answers. */
export function forwardChanges(
  state: BrokerState,
  token: RequestToken,
  { api, changes, validateOnly }: Omit<AlterConfigs, 'refused'>,
  out: Decision,
): void {
  const refused = preprocessChanges(state, changes)
  if (refused.every((refusal) => refusal !== null)) {
    out.replies.push({ token, body: alterConfigsResponse(api, changes, refused) })
    return
  }
  out.forwards.push({ replyTo: tokenOf(token), request: { api, changes, validateOnly, refused } })
}
