/**
 * Which levels of features hold (FeatureControlManager.updateFeatures): all of a request or nothing. A level that a feature has not, and
 * going down without being allowed to, is INVALID_UPDATE_VERSION. `metadata.version` does not go down, and `kraft.version` stays as the
 * quorum was made (docs/fidelity.md).
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeUpdatableFeatureResult, makeUpdateFeaturesResponse } from '../../protocol/make.ts'
import type { FeatureUpdateKey, UpdateFeaturesRequest } from '../../protocol/messages.ts'
import { finalizedFeatures } from '../features.ts'
import type { MetadataImage, MetadataRecord } from '../metadata.ts'
import type { Feature } from '../offer.ts'

export interface UpdateFeatures {
  readonly api: 'UpdateFeatures'
  readonly body: UpdateFeaturesRequest
  readonly apiVersion: number
  readonly features: readonly Feature[]
}

/** FeatureUpdate.UpgradeType. */
const UPGRADE = 1
const UNSAFE_DOWNGRADE = 3

export function updateFeatures(
  image: MetadataImage,
  { body, apiVersion, features }: UpdateFeatures,
  records: MetadataRecord[],
) {
  const levels = finalizedFeatures(image, features)
  for (const update of body.featureUpdates) {
    const problem = problemOf(update, apiVersion, levels.get(update.feature) ?? 0, features)
    if (problem === null) continue
    const { feature, maxVersionLevel } = update
    const about = `Invalid update version ${maxVersionLevel} for feature ${feature}. ${problem}`
    return makeUpdateFeaturesResponse({
      errorCode: ErrorCode.INVALID_UPDATE_VERSION,
      errorMessage: `No feature was changed, because of one of them: ${about}`,
    })
  }
  if (apiVersion < 1 || !body.validateOnly) {
    for (const { feature, maxVersionLevel } of body.featureUpdates)
      records.push({ type: 'feature', name: feature, level: maxVersionLevel })
  }
  const results = body.featureUpdates.map(({ feature }) => makeUpdatableFeatureResult({ feature }))
  return makeUpdateFeaturesResponse({ results: apiVersion < 2 ? results : [] })
}

function problemOf(
  { feature: name, maxVersionLevel: level, allowDowngrade, upgradeType }: FeatureUpdateKey,
  apiVersion: number,
  current: number,
  features: readonly Feature[],
): string | null {
  const mayGoDown = apiVersion < 1 ? allowDowngrade : upgradeType > UPGRADE
  if (apiVersion >= 1 && (upgradeType < UPGRADE || upgradeType > UNSAFE_DOWNGRADE))
    return `There is no upgrade type ${upgradeType}.`
  if (level < 0) return 'A level is not below 0.'
  const feature = features.find((one) => one.name === name)
  if (feature === undefined) return 'The brokers do not have this feature.'
  // 0 switches off what can be switched off.
  if (level > feature.maxVersion || level < feature.minVersion)
    return `The brokers support ${feature.minVersion} to ${feature.maxVersion}.`
  if (level < current && !mayGoDown) return 'The level goes down only when the request allows it.'
  if (level > current && apiVersion >= 1 && upgradeType !== UPGRADE) return 'A downgrade does not go up.'
  if (name === 'metadata.version' && level < current) return 'Going down might lose metadata.'
  if (name === 'kraft.version' && level !== current) return 'The quorum is a static one.'
  return null
}
