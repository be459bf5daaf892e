/** Why a request is not answered, for the person who runs the cluster: the client only sees its connection closed. */
import type { ApiName } from '../../protocol/messages.ts'
import { isServed, type Offer } from '../offer.ts'
import { offerOf } from './index.ts'
import { KAFKA_RELEASES } from './releases.ts'

/** What the release has instead, and which one would answer; empty when it is offered. */
export function whyNotServed(offer: Offer, api: ApiName, version: number): string {
  if (isServed(offer, api, version)) return ''
  const range = offer.served.get(api)
  const has = range === undefined ? `has no ${api}` : `has versions ${range.minVersion} to ${range.maxVersion}`
  const newest = [...KAFKA_RELEASES].reverse().find((release) => isServed(offerOf(release), api, version))
  const help =
    newest === undefined
      ? 'no release does that kafkarium can pose as (docs/compatibility.md)'
      : `${newest} answers it: kafkarium serve --kafka-version ${newest}, or kafkaVersion: '${newest}'`
  return `Kafka ${offer.release} ${has}; ${help}`
}
