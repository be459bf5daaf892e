/**
 * ApiVersions (key 18). KafkaApis.handleApiVersionsRequest, ApiVersionsRequest.isValid.
 *
 * - What is advertised is what the release posed as offers and what is registered in `index.ts`: nothing without semantics.
 * - From v3 on a client says what software it is; names that are none are INVALID_REQUEST, without any API (KIP-511).
 * - From v3 on the features are told: those the broker supports, and the levels that hold (KIP-584). Up to v3 a feature that can be off
 *   is left out of what is supported: clients of that time fail on it (KAFKA-17011).
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeApiVersionsResponse } from '../../protocol/make.ts'
import { finalizedFeatures } from '../features.ts'
import type { BrokerState } from '../state.ts'
import { defineApi } from './handler.ts'

const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

export const apiVersions = defineApi({
  api: 'ApiVersions',
  minVersion: 0,
  maxVersion: 4,
  handle(state, request, _ctx, out) {
    const { clientSoftwareName, clientSoftwareVersion } = request.body
    if (request.apiVersion >= 3 && !(SOFTWARE.test(clientSoftwareName) && SOFTWARE.test(clientSoftwareVersion))) {
      out.replies.push({ token: request, body: makeApiVersionsResponse({ errorCode: ErrorCode.INVALID_REQUEST }) })
      return
    }
    const features = request.apiVersion >= 3 ? featuresFor(state, request.apiVersion) : {}
    out.replies.push({
      token: request,
      body: makeApiVersionsResponse({ apiKeys: state.offer.advertised, ...features }),
    })
  },
})

function featuresFor({ offer, image }: BrokerState, apiVersion: number) {
  if (offer.features.length === 0) return {}
  return {
    supportedFeatures: offer.features
      .filter(({ minVersion }) => apiVersion >= 4 || minVersion > 0)
      .map(({ name, minVersion, maxVersion }) => ({ name, minVersion, maxVersion })),
    // The features' records are in the metadata log like any other (FeaturesImage).
    finalizedFeaturesEpoch: image.offset,
    finalizedFeatures: [...finalizedFeatures(image, offer.features)].map(([name, level]) => ({
      name,
      maxVersionLevel: level,
      minVersionLevel: level,
    })),
  }
}
