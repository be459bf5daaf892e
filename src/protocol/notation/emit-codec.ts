/** Emits the codec: one file a declaration with straight-line functions, and the table of all APIs. */

import { baseName, defaultOf, GENERATED, importLine, messagesOf } from './emit-common.ts'
import type { Declaration, Field, PrimitiveName, StructType, VersionRange } from './model.ts'
import { structOf } from './model.ts'

const METHOD: Readonly<Record<Exclude<PrimitiveName, 'records'>, string>> = {
  bool: 'bool',
  int8: 'int8',
  int16: 'int16',
  int32: 'int32',
  int64: 'int64',
  string: 'string',
  bytes: 'byteString',
  uuid: 'uuid',
}

/** The text of one file of `src/protocol/codec/generated`. */
export function emitCodec(declaration: Declaration): string {
  // A struct is met only in the versions of the fields that hold it, so it need not ask about others.
  const structs = new Map<string, { struct: StructType; versions: VersionRange }>()
  const visit = (struct: StructType, held: VersionRange): void => {
    for (const field of struct.fields) {
      const inner = structOf(field.type)
      if (inner !== null) visit(inner, intersection(field.versions, held))
    }
    const versions = structs.get(struct.name)?.versions ?? held
    structs.set(struct.name, {
      struct,
      versions: { from: Math.min(versions.from, held.from), to: Math.max(versions.to, held.to) },
    })
  }
  const messages = messagesOf(declaration)
  for (const message of messages) visit(message, declaration.versions)
  const body = [...structs.values()].map(({ struct, versions }) => {
    const exported = messages.includes(struct) ? 'export ' : ''
    return `\n${exported}${emitWrite(struct, versions)}\n${exported}${emitRead(struct, versions)}`
  })
  const text = body.join('')
  const used = (names: readonly string[]): string[] => names.filter((name) => new RegExp(`\\b${name}\\b`).test(text))
  return [
    GENERATED,
    importLine(used(['EMPTY_BYTES', 'ZERO_UUID']), '../../defaults.ts'),
    importLine(structs.keys(), '../../messages.ts', true),
    importLine(
      [
        ...used([
          'readArray',
          'readNullableArray',
          'readNullableStruct',
          'readStruct',
          'readInt8Item',
          'readInt32Item',
          'readInt64Item',
          'readStringItem',
        ]),
        'type Reader',
      ],
      '../reader.ts',
    ),
    importLine(
      used(['readBatches', 'readNullableBatches', 'writeBatches', 'writeNullableBatches']),
      '../records-field.ts',
    ),
    importLine(
      [
        ...used([
          'writeArray',
          'writeNullableArray',
          'writeNullableStruct',
          'writeInt8Item',
          'writeInt32Item',
          'writeInt64Item',
          'writeStringItem',
          'unsupported',
        ]),
        'type Writer',
      ],
      '../writer.ts',
    ),
    text,
  ].join('')
}

function emitWrite(struct: StructType, all: VersionRange): string {
  const lines = struct.fields.filter((field) => field.tag === null).map((field) => writeField(struct, field, all))
  lines.push(writeTags(struct, all))
  const body = lines.join('')
  return `function write${struct.name}(w: Writer, ${versionName(body)}: number, x: ${struct.name}): void {\n${body}}\n`
}

function writeField(struct: StructType, field: Field, all: VersionRange): string {
  const condition = within(field.versions, all)
  const call = writeCall(struct, field, all)
  if (condition === 'true') return `  ${call}\n`
  const otherwise = field.ignorable
    ? ''
    : ` else if (${isSet(field, `x.${field.name}`)}) unsupported('${struct.name}.${field.name}', v)`
  return `  if (${condition}) ${call}\n${otherwise === '' ? '' : ` ${otherwise}\n`}`
}

function writeCall(struct: StructType, field: Field, all: VersionRange): string {
  const value = `x.${field.name}`
  const label = `'${struct.name}.${field.name}'`
  const nullable = field.nullable === null ? null : within(field.nullable, intersection(field.versions, all))
  const { type } = field
  if (type.kind === 'struct')
    return nullable === null
      ? `write${type.name}(w, v, ${value})`
      : `writeNullableStruct(w, v, ${value}, write${type.name})`
  if (type.kind === 'array') {
    const item = type.item.kind === 'struct' ? `write${type.item.name}` : `write${capital(type.item.name)}Item`
    return nullable === null
      ? `writeArray(w, v, ${value}, ${item})`
      : `writeNullableArray(w, v, ${value}, ${nullable}, ${label}, ${item})`
  }
  if (type.name === 'records') return `writeNullableBatches(w, ${value}, ${nullable ?? 'false'}, ${label})`
  const method = METHOD[type.name]
  return nullable === null
    ? `w.${method}(${value}, ${label})`
    : `w.nullable${capital(method)}(${value}, ${nullable}, ${label})`
}

function writeTags(struct: StructType, all: VersionRange): string {
  const tagged = taggedFields(struct)
  if (tagged.length === 0) return '  if (w.flexible) w.uvarint(0)\n'
  const out: string[] = []
  for (const field of tagged) {
    const set = isSet(field, `x.${field.name}`)
    const condition = within(field.versions, all)
    out.push(
      `  const has${capital(field.name)} = ${condition === 'true' ? set : `${condition} && ${set.includes('||') ? `(${set})` : set}`}\n`,
    )
    if (!field.ignorable && condition !== 'true') {
      out.push(`  if (!(${condition}) && (${set})) unsupported('${struct.name}.${field.name}', v)\n`)
    }
  }
  out.push('  if (w.flexible) {\n')
  out.push(`    w.uvarint(${tagged.map((field) => `(has${capital(field.name)} ? 1 : 0)`).join(' + ')})\n`)
  for (const field of tagged) {
    out.push(
      `    if (has${capital(field.name)}) {\n      const start = w.beginTag(${field.tag})\n      ${writeCall(struct, field, all)}\n      w.endTag(start)\n    }\n`,
    )
  }
  out.push('  }\n')
  return out.join('')
}

function emitRead(struct: StructType, all: VersionRange): string {
  const tagged = taggedFields(struct)
  const out = struct.fields.map((field) => {
    if (field.tag !== null) return `  let ${field.name}: ${struct.name}['${field.name}'] = ${defaultOf(field)}\n`
    const condition = within(field.versions, all)
    const call = readCall(field, all)
    return `  const ${field.name} = ${condition === 'true' ? call : `${condition} ? ${call} : ${defaultOf(field)}`}\n`
  })
  if (tagged.length === 0) out.push('  if (r.flexible) r.skipTags()\n')
  else {
    out.push('  if (r.flexible) {\n    for (let n = r.tagCount(); n > 0; n--) {\n')
    out.push("      const tag = r.uvarint('tagged field')\n      const end = r.tagEnd()\n")
    tagged.forEach((field, i) => {
      const condition = within(field.versions, all)
      const guard = condition === 'true' ? `tag === ${field.tag}` : `tag === ${field.tag} && ${condition}`
      out.push(`      ${i === 0 ? '' : 'else '}if (${guard}) ${field.name} = ${readCall(field, all)}\n`)
    })
    out.push("      else r.position = end\n      r.endTag(end, 'tagged field')\n    }\n  }\n")
  }
  const names = struct.fields.map((field) => field.name)
  const body = out.join('')
  return `function read${struct.name}(r: Reader, ${versionName(body)}: number): ${struct.name} {\n${body}  return { ${names.join(', ')} }\n}\n`
}

function readCall(field: Field, all: VersionRange): string {
  const plain = readOne(field, false)
  if (field.nullable === null) return plain
  const condition = within(field.nullable, intersection(field.versions, all))
  const nullable = readOne(field, true)
  if (condition === 'true') return nullable
  return `(${condition} ? ${nullable} : ${plain})`
}

function readOne(field: Field, nullable: boolean): string {
  const { type, name } = field
  if (type.kind === 'struct')
    return `${nullable ? 'readNullableStruct' : 'readStruct'}(r, v, '${name}', read${type.name})`
  if (type.kind === 'array') {
    const item = type.item.kind === 'struct' ? `read${type.item.name}` : `read${capital(type.item.name)}Item`
    return `${nullable ? 'readNullableArray' : 'readArray'}(r, v, '${name}', ${item})`
  }
  if (type.name === 'records') return `${nullable ? 'readNullableBatches' : 'readBatches'}(r, '${name}')`
  const method = METHOD[type.name]
  return `r.${nullable ? `nullable${capital(method)}` : method}('${name}')`
}

/** An expression that holds when the value differs from the field's default. */
function isSet(field: Field, value: string): string {
  const { type } = field
  if (field.default === 'null' || (type.kind === 'primitive' && type.name === 'records')) return `${value} !== null`
  if (type.kind === 'struct') return type.fields.map((inner) => isSet(inner, `${value}.${inner.name}`)).join(' || ')
  if (type.kind === 'array' || type.name === 'bytes') {
    return field.nullable === null ? `${value}.length > 0` : `${value} === null || ${value}.length > 0`
  }
  if (type.name === 'bool') return defaultOf(field) === 'true' ? `!${value}` : value
  return `${value} !== ${defaultOf(field)}`
}

function taggedFields(struct: StructType): readonly Field[] {
  return struct.fields.filter((field) => field.tag !== null).sort((a, b) => a.tag! - b.tag!)
}

/** A condition on `v` that says whether it lies in `range`, given that it lies in `all`. */
function within(range: VersionRange, all: VersionRange): string {
  const conditions: string[] = []
  if (range.from > all.from) conditions.push(range.from === range.to ? `v === ${range.from}` : `v >= ${range.from}`)
  if (range.to < all.to && !(conditions.length > 0 && range.from === range.to)) {
    conditions.push(range.to === all.from ? `v === ${range.to}` : `v <= ${range.to}`)
  }
  return conditions.length === 0 ? 'true' : conditions.join(' && ')
}

function intersection(a: VersionRange, b: VersionRange): VersionRange {
  return { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) }
}

/** The version's parameter, marked as unused where the body has no use for it. */
function versionName(body: string): string {
  return /\bv\b/.test(body) ? 'v' : '_v'
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** The text of `src/protocol/codec/generated/codecs.ts`: reader and writer of every API and data message. */
export function emitCodecTable(declarations: readonly Declaration[]): string {
  const imports: string[] = []
  const apis: string[] = []
  const data: string[] = []
  for (const declaration of declarations) {
    const names = messagesOf(declaration).map(({ name }) => name)
    imports.push(
      importLine(
        names.flatMap((name) => [`read${name}`, `write${name}`]),
        `./${baseName(declaration)}.ts`,
      ),
    )
    if (declaration.kind === 'api') {
      const { name } = declaration
      apis.push(
        `  ${name}: {\n    readRequest: read${name}Request,\n    writeRequest: write${name}Request,\n    readResponse: read${name}Response,\n    writeResponse: write${name}Response,\n  },\n`,
      )
    } else {
      const { name, versions, flexible } = declaration
      data.push(
        `  ${name}: {\n    minVersion: ${versions.from},\n    maxVersion: ${versions.to},\n    flexibleFrom: ${flexible?.from ?? -1},\n    read: read${name},\n    write: write${name},\n  },\n`,
      )
    }
  }
  return `${GENERATED}import type { ApiName, DataMessages, RequestOf, ResponseOf } from '../../messages.ts'
import type { ItemReader } from '../reader.ts'
import type { ItemWriter } from '../writer.ts'
${imports.join('')}
/** The four functions of an API. They neither check the version nor set \`flexible\`: \`frames.ts\` does. */
export interface ApiCodec<A extends ApiName> {
  readonly readRequest: ItemReader<RequestOf<A>>
  readonly writeRequest: ItemWriter<RequestOf<A>>
  readonly readResponse: ItemReader<ResponseOf<A>>
  readonly writeResponse: ItemWriter<ResponseOf<A>>
}

export interface DataCodec<T> {
  readonly minVersion: number
  readonly maxVersion: number
  readonly flexibleFrom: number
  readonly read: ItemReader<T>
  readonly write: ItemWriter<T>
}

export const API_CODECS: { readonly [A in ApiName]: ApiCodec<A> } = {
${apis.join('')}}

export const DATA_CODECS: { readonly [M in keyof DataMessages]: DataCodec<DataMessages[M]> } = {
${data.join('')}}
`
}
