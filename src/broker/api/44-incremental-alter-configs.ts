/**
 * IncrementalAlterConfigs (key 44, KIP-339). KafkaApis.handleIncrementalAlterConfigsRequest: sets, deletes, appends to and
 * subtracts from single entries; lists only can be appended to. Checked and forwarded as AlterConfigs is.
 */
import { forwardChanges } from './33-alter-configs.ts'
import { defineApi } from './handler.ts'

export const incrementalAlterConfigs = defineApi({
  api: 'IncrementalAlterConfigs',
  minVersion: 0,
  maxVersion: 1,
  handle(state, request, _ctx, out) {
    const { resources, validateOnly } = request.body
    const changes = resources.map(({ resourceType, resourceName, configs }) => ({
      resourceType,
      resourceName,
      replaces: false,
      entries: configs.map(({ name, value, configOperation }) => ({ name, value, operation: configOperation })),
    }))
    forwardChanges(state, request, { api: 'IncrementalAlterConfigs', changes, validateOnly }, out)
  },
})
