/**
 * ListConfigResources (key 74). KafkaApis.handleListConfigResources (KIP-1142): what may have configurations of its own. v0, then
 * ListClientMetricsResources, asks for those of client metrics only (KIP-714). Topics are all there are, brokers those in service; of
 * groups and client metrics there are no configurations here. No type asks for all; one that is none is UNSUPPORTED_VERSION.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeConfigResource, makeListConfigResourcesResponse } from '../../protocol/make.ts'
import { ResourceType } from '../config/resource.ts'
import type { MetadataImage } from '../metadata.ts'
import { defineApi } from './handler.ts'

const { TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP } = ResourceType
const LISTED: readonly number[] = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP]

export const listConfigResources = defineApi({
  api: 'ListConfigResources',
  minVersion: 0,
  maxVersion: 1,
  handle({ image }, request, _ctx, out) {
    const asked = request.apiVersion === 0 ? [CLIENT_METRICS] : request.body.resourceTypes
    if (asked.some((type) => !LISTED.includes(type))) {
      const errorCode = ErrorCode.UNSUPPORTED_VERSION
      out.replies.push({ token: request, body: makeListConfigResourcesResponse({ errorCode }) })
      return
    }
    const types = asked.length === 0 ? LISTED : LISTED.filter((type) => asked.includes(type))
    const configResources = types.flatMap((resourceType) =>
      namesOf(image, resourceType).map((resourceName) => makeConfigResource({ resourceName, resourceType })),
    )
    out.replies.push({ token: request, body: makeListConfigResourcesResponse({ configResources }) })
  },
})

function namesOf(image: MetadataImage, type: number): readonly string[] {
  if (type === TOPIC) return [...image.topics.keys()]
  if (type === BROKER || type === BROKER_LOGGER)
    return [...image.brokers.values()].filter(({ fenced }) => !fenced).map(({ id }) => String(id))
  return []
}
