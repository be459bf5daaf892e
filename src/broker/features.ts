/** The levels of features that hold (FeaturesImage): what the release begins with, and what was changed since. */
import type { MetadataImage } from './metadata.ts'
import type { Feature } from './offer.ts'

/** By name; a level of 0 is left out, as in Kafka. */
export function finalizedFeatures(image: MetadataImage, features: readonly Feature[]): ReadonlyMap<string, number> {
  const levels = new Map<string, number>()
  for (const { name, level } of features) {
    const now = image.featureLevels.get(name) ?? level
    if (now > 0) levels.set(name, now)
  }
  return levels
}
