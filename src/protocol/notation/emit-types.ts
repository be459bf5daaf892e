/** Emits `messages.ts` (types only), `apis.ts` (keys and versions) and `make.ts` (factories with defaults). */

import {
  type CollectedStruct,
  collectStructs,
  DEFAULT_CONSTANTS,
  defaultOf,
  GENERATED,
  importLine,
  rangeText,
  tsType,
} from './emit-common.ts'
import type { ApiDeclaration, Declaration, Field, VersionRange } from './model.ts'

/** The text of `src/protocol/messages.ts`. */
export function emitMessages(declarations: readonly Declaration[]): string {
  const out = [
    GENERATED,
    '// Every field is there in every version: what a version lacks decodes to its default and is not sent.\n',
    "import type { RecordBatch } from './batch.ts'\n",
  ]
  for (const collected of collectStructs(declarations).values()) out.push(emitInterface(collected))
  const apis = apisOf(declarations)
  out.push('\n/** Request and response of every API. */\nexport interface Apis {\n')
  for (const { name } of apis)
    out.push(`  readonly ${name}: { readonly request: ${name}Request; readonly response: ${name}Response }\n`)
  out.push('}\n\n/** The names of the APIs, as in ApiKeys.java. */\nexport type ApiName = keyof Apis\n')
  out.push("\nexport type RequestOf<A extends ApiName> = Apis[A]['request']\n")
  out.push("\nexport type ResponseOf<A extends ApiName> = Apis[A]['response']\n")
  out.push(
    '\n/** Messages that are no API: records of `__consumer_offsets` and what consumers tell each other. */\nexport interface DataMessages {\n',
  )
  for (const declaration of declarations) {
    if (declaration.kind === 'data') out.push(`  readonly ${declaration.name}: ${declaration.name}\n`)
  }
  out.push('}\n')
  return out.join('')
}

function emitInterface({ struct, owner, shared }: CollectedStruct): string {
  const isMessage =
    owner.kind === 'api' ? struct === owner.request || struct === owner.response : struct === owner.message
  const doc = isMessage ? describe(owner) : ''
  const fields = struct.fields.map(
    (field) => `  /** ${fieldDoc(field, owner.versions, shared)} */\n  readonly ${field.name}: ${tsType(field)}\n`,
  )
  return `\n${doc}export interface ${struct.name} {\n${fields.join('')}}\n`
}

function describe(owner: Declaration): string {
  const flexible = owner.flexible === null ? 'never flexible' : `flexible from ${owner.flexible.from}`
  const head = owner.kind === 'api' ? `${owner.name}, API key ${owner.key}` : owner.name
  const lines = [
    `${head}: versions ${rangeText(owner.versions)}, ${flexible}.`,
    ...(owner.doc === '' ? [] : owner.doc.split('\n')),
  ]
  return `/**\n${lines.map((line) => ` * ${line}`.trimEnd()).join('\n')}\n */\n`
}

/** What several declarations share has other versions in each: the field that holds it says which. */
function fieldDoc(field: Field, all: VersionRange, shared: boolean): string {
  const range =
    field.versions.from <= all.from && field.versions.to >= all.to
      ? 'All versions'
      : `Versions ${rangeText(field.versions)}`
  const parts = [shared ? 'As its holder' : range]
  if (field.nullable !== null) parts.push(shared ? 'nullable' : `null ${rangeText(field.nullable)}`)
  if (field.tag !== null) parts.push(`tag ${field.tag}`)
  if (field.default !== null) parts.push(`default ${field.default}`)
  return `${parts.join(', ')}.${field.doc === '' ? '' : ` ${sentence(field.doc)}`}`
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(capital) ? capital : `${capital}.`
}

function apisOf(declarations: readonly Declaration[]): ApiDeclaration[] {
  return declarations.filter((declaration) => declaration.kind === 'api')
}

/** The text of `src/protocol/apis.ts`. */
export function emitApis(declarations: readonly Declaration[]): string {
  const rows = apisOf(declarations).map(({ key, name, versions, flexible }) => {
    return `  ${name}: { key: ${key}, name: '${name}', minVersion: ${versions.from}, maxVersion: ${versions.to}, flexibleFrom: ${flexible?.from ?? -1} },\n`
  })
  const cases = apisOf(declarations).map(({ key, name }) => `    case ${key}:\n      return API.${name}\n`)
  return `${GENERATED}import type { ApiName } from './messages.ts'

/** What the protocol knows of an API (ApiKeys.java and the message declarations). */
export interface ApiInfo<A extends ApiName = ApiName> {
  readonly key: number
  readonly name: A
  /** The lowest version this codec speaks; what a broker advertises may be less. */
  readonly minVersion: number
  readonly maxVersion: number
  /** The first version with compact encodings and tagged fields (KIP-482); -1 for none. */
  readonly flexibleFrom: number
}

/** Every API this codec speaks, by name. */
export const API: { readonly [A in ApiName]: ApiInfo<A> } = {
${rows.join('')}}

/** The API with the key, or \`undefined\` for one this codec does not speak. */
export function apiByKey(key: number): ApiInfo | undefined {
  switch (key) {
${cases.join('')}    default:
      return undefined
  }
}
`
}

/** The text of `src/protocol/make.ts`. */
export function emitMake(declarations: readonly Declaration[]): string {
  const structs = [...collectStructs(declarations).values()].map(({ struct }) => struct)
  const body = structs.map((struct) => {
    const fields = struct.fields.map((field) => `    ${field.name}: ${defaultOf(field)},\n`).join('')
    return `\n/** A \`${struct.name}\` with Kafka's defaults for what is not given. */\nexport function make${struct.name}(given: Partial<${struct.name}> = {}): ${struct.name} {\n  return {\n${fields}    ...given,\n  }\n}\n`
  })
  const text = body.join('')
  const constants = DEFAULT_CONSTANTS.filter((name) => text.includes(name))
  return (
    GENERATED +
    importLine(constants, './defaults.ts') +
    importLine(
      structs.map(({ name }) => name),
      './messages.ts',
      true,
    ) +
    text
  )
}
