/** What a broker offers its clients: the APIs in versions and the features, as the release posed as has them. */
import type { ApiName } from '../protocol/messages.ts'

export interface VersionRange {
  readonly minVersion: number
  readonly maxVersion: number
}

export interface ApiVersionRange extends VersionRange {
  readonly apiKey: number
}

/** A feature of the cluster, whose level is agreed on rather than configured (KIP-584). */
export interface Feature extends VersionRange {
  readonly name: string
  /** The level a cluster of this release begins with; 0 = off. */
  readonly level: number
}

export interface Offer {
  /** '4.3'. */
  readonly release: string
  /** What ApiVersions answers. */
  readonly advertised: readonly ApiVersionRange[]
  /** What is answered: to everything else the connection is closed. */
  readonly served: ReadonlyMap<ApiName, VersionRange>
  readonly features: readonly Feature[]
}

/** Whether a broker answers an API in a version. */
export function isServed({ served }: Offer, api: ApiName, version: number): boolean {
  const range = served.get(api)
  return range !== undefined && version >= range.minVersion && version <= range.maxVersion
}

/** Whether a release, as '4.3' or '4.3.1', is that one or a later one. */
export function isSince(release: string, since: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map(Number)
  const [sinceMajor = 0, sinceMinor = 0] = since.split('.').map(Number)
  return major > sinceMajor || (major === sinceMajor && minor >= sinceMinor)
}
