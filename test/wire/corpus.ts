/** Requests of every API and version, made from the schemas, most about things that exist. */
import fc from 'fast-check'
import { readDeclarations } from '../../scripts/generate-protocol.ts'
import { type Chooser, seededChooser } from '../../src/kernel/index.ts'
import { encodeRequest } from '../../src/protocol/codec.ts'
import type { ApiName, RequestOf } from '../../src/protocol/messages.ts'
import { messageOf } from '../protocol/arbitraries.ts'

const NAMES = ['orders', 'clicks', 'g', 'tx', '__consumer_offsets', '']

export interface SampleRequest {
  readonly api: ApiName
  readonly version: number
  readonly bytes: Uint8Array
}

export interface CorpusOptions {
  /** Of each API and version; the first is as it comes, the others are about what is known. */
  readonly samples: number
  /** Topic ids that exist. */
  readonly topicIds?: readonly string[]
}

/** Without their frames' length. */
export function corpus({ samples, topicIds = [] }: CorpusOptions): SampleRequest[] {
  const requests: SampleRequest[] = []
  for (const declaration of readDeclarations()) {
    if (declaration.kind !== 'api') continue
    const api = declaration.name as ApiName
    for (let version = declaration.versions.from; version <= declaration.versions.to; version++) {
      const bodies = fc.sample(messageOf(declaration.request, version), { numRuns: samples, seed: version })
      for (const [i, body] of bodies.entries()) {
        const chooser = seededChooser(`${api}${version}${i}`)
        const familiar = i === 0 ? body : withNames(body, chooser, topicIds)
        try {
          const header = { correlationId: i, clientId: 'fuzz' }
          requests.push({ api, version, bytes: encodeRequest(api, version, header, familiar as RequestOf<ApiName>) })
        } catch {
          // Some values have no form in a version; the codec's own tests are about those.
        }
      }
    }
  }
  return requests
}

function withNames(value: unknown, chooser: Chooser, topicIds: readonly string[]): unknown {
  if (typeof value === 'string' && value.length < 20) return NAMES[chooser.choose('name', NAMES.length)]
  if (typeof value === 'string' && value.length === 22 && topicIds.length > 0) {
    return topicIds[chooser.choose('topic id', topicIds.length + 1)] ?? value
  }
  if (typeof value === 'number' && Math.abs(value) > 100) return chooser.choose('number', 4)
  if (Array.isArray(value)) return value.map((item) => withNames(item, chooser, topicIds))
  // A record batch is a plain object too: its bytes stay as they are.
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !('recordCount' in value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withNames(inner, chooser, topicIds)]))
  }
  return value
}
