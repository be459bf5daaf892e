/** Every API in every version: what is encoded decodes to itself, and its bytes are the only ones. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readDeclarations } from '../../scripts/generate-protocol.ts'
import { API, apiByKey } from '../../src/protocol/apis.ts'
import {
  type DataName,
  decodeData,
  decodeRequest,
  decodeResponse,
  encodeData,
  encodeRequest,
  encodeResponse,
} from '../../src/protocol/codec.ts'
import * as make from '../../src/protocol/make.ts'
import type { ApiName, DataMessages, RequestOf, ResponseOf } from '../../src/protocol/messages.ts'
import { type StructType, structOf } from '../../src/protocol/notation/model.ts'
import { defaultValue, messageOf } from './arbitraries.ts'

const declarations = readDeclarations()
const RUNS = { numRuns: 8, seed: 1 }

for (const declaration of declarations) {
  describe(declaration.name, () => {
    for (let version = declaration.versions.from; version <= declaration.versions.to; version++) {
      if (declaration.kind === 'data') {
        test(`version ${version}`, () => {
          const name = declaration.name as DataName
          fc.assert(
            fc.property(messageOf(declaration.message, version), (message) => {
              const bytes = encodeData(name, version, message as unknown as DataMessages[DataName])
              expect(decodeData(name, bytes)).toEqual({ version, message })
              expect(bytes[1]).toBe(version)
            }),
            RUNS,
          )
        })
        continue
      }
      const api = declaration.name as ApiName
      test(`version ${version}`, () => {
        fc.assert(
          fc.property(messageOf(declaration.request, version), fc.option(fc.string()), (message, clientId) => {
            const body = message as unknown as RequestOf<ApiName>
            const bytes = encodeRequest(api, version, { correlationId: -7, clientId }, body)
            const decoded = decodeRequest(bytes)
            expect(decoded).toEqual({ api, apiVersion: version, correlationId: -7, clientId, body })
            expect(encodeRequest(api, version, decoded, decoded.body)).toEqual(bytes)
          }),
          RUNS,
        )
        fc.assert(
          fc.property(messageOf(declaration.response, version), (message) => {
            const body = message as unknown as ResponseOf<ApiName>
            // Error 35 makes an ApiVersions answer one of version 0.
            if (api === 'ApiVersions' && message.errorCode === 35) return
            const bytes = encodeResponse(api, version, 77, body)
            const decoded = decodeResponse(api, version, bytes)
            expect(decoded).toEqual({ correlationId: 77, body })
            expect(encodeResponse(api, version, 77, decoded.body)).toEqual(bytes)
          }),
          RUNS,
        )
      })
    }
  })
}

describe('the tables', () => {
  test('API says what the schemas say', () => {
    const apis = declarations.filter((declaration) => declaration.kind === 'api')
    expect(Object.keys(API)).toEqual(apis.map(({ name }) => name))
    expect(apis.length).toBe(44)
    for (const { name, key, versions, flexible } of apis) {
      const info = API[name as ApiName]
      expect(info).toEqual({
        key,
        name,
        minVersion: versions.from,
        maxVersion: versions.to,
        flexibleFrom: flexible?.from ?? -1,
      })
      expect(apiByKey(key)).toBe(info)
    }
    expect(apiByKey(4)).toBeUndefined()
  })

  test('every factory gives the defaults, and takes what is given', () => {
    const structs: StructType[] = []
    const visit = (struct: StructType): void => {
      structs.push(struct)
      for (const field of struct.fields) {
        const inner = structOf(field.type)
        if (inner !== null) visit(inner)
      }
    }
    for (const declaration of declarations) {
      for (const message of declaration.kind === 'api'
        ? [declaration.request, declaration.response]
        : [declaration.message])
        visit(message)
    }
    const factories = make as unknown as Readonly<Record<string, (given?: object) => object>>
    for (const struct of structs) {
      const factory = factories[`make${struct.name}`]
      const defaults = Object.fromEntries(struct.fields.map((field) => [field.name, defaultValue(field)]))
      expect(factory?.(), struct.name).toEqual(defaults)
    }
    expect(make.makeProduceRequest({ acks: -1 })).toEqual({
      transactionalId: null,
      acks: -1,
      timeoutMs: 0,
      topicData: [],
    })
  })
})
