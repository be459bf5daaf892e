/**
 * Reads the schema notation (docs/decisions/0002-schema-notation.md). One declaration a file:
 *
 * ```
 * # What a reader should know about the API.
 * api 3 Metadata
 * versions 0-13
 * flexible 9+
 *
 * request
 *   topics         []MetadataRequestTopic  0+   null 1+   -- null asks for every topic
 *     topicId      uuid                    10+  ignorable
 *     name         string                  0+   null 10+
 *   allowAutoTopicCreation  bool           4+   = true
 * response
 *   …
 * ```
 *
 * A field is: name, type, versions, then in any order `null <versions>`, `tag <n>`, `= <default>`, `ignorable`,
 * and after `--` a sentence for the reader. The fields of a struct are the deeper indented lines below it.
 * `data Name` with a section `fields` declares a message that is no API (records of `__consumer_offsets` …).
 */
import type {
  ArrayType,
  Declaration,
  Field,
  FieldType,
  PrimitiveName,
  PrimitiveType,
  StructType,
  VersionRange,
} from './model.ts'

/** What is wrong with a schema file, where, and what would have been right. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
  readonly file: string
  /** From 1. */
  readonly line: number

  constructor(file: string, line: number, found: string, expected: string) {
    super(`${file}:${line}: ${found}; expected ${expected}`)
    this.file = file
    this.line = line
  }
}

interface Line {
  readonly number: number
  readonly indent: number
  readonly words: readonly string[]
  readonly doc: string
}

const PRIMITIVES: readonly PrimitiveName[] = [
  'bool',
  'int8',
  'int16',
  'int32',
  'int64',
  'string',
  'bytes',
  'records',
  'uuid',
]
const NULLABLE_PRIMITIVES: readonly string[] = ['string', 'bytes', 'records']

/**
 * Parses one schema file.
 *
 * @param text the file's content
 * @param file its name, for error texts
 * @throws SchemaError with file, line, what was found and what was expected
 */
export function parseSchema(text: string, file: string): Declaration {
  return new Parser(text, file).declaration()
}

class Parser {
  readonly #file: string
  readonly #lines: readonly Line[]
  readonly #doc: string
  readonly #lastLine: number
  #next = 0
  #versions: VersionRange = { from: 0, to: 0 }
  #flexible: VersionRange | null = null

  constructor(text: string, file: string) {
    this.#file = file
    const raw = text.split('\n')
    this.#lastLine = raw.length
    const doc: string[] = []
    const lines: Line[] = []
    raw.forEach((content, i) => {
      if (content.includes('\t')) this.#fail(i + 1, 'a tab', 'spaces for indentation')
      const body = content.trim()
      if (body === '') return
      if (body.startsWith('#')) {
        if (lines.length === 0) doc.push(body.slice(1).trim())
        return
      }
      const dash = body.indexOf(' -- ')
      const code = dash < 0 ? body : body.slice(0, dash)
      lines.push({
        number: i + 1,
        indent: content.length - content.trimStart().length,
        words: code.trim().split(/ +/),
        doc: dash < 0 ? '' : body.slice(dash + 4).trim(),
      })
    })
    this.#lines = lines
    this.#doc = doc.join('\n')
  }

  declaration(): Declaration {
    const head = this.#take('`api <key> <Name>` or `data <Name>`')
    const [kind, first = '', second = ''] = head.words
    if (kind === 'api' && head.words.length === 3) {
      const key = this.#integer(first, head.number, 'an API key')
      this.#typeName(second, head.number)
      this.#versionLines()
      const request = this.#section('request', `${second}Request`)
      const response = this.#section('response', `${second}Response`)
      this.#end()
      const { versions, flexible } = { versions: this.#versions, flexible: this.#flexible }
      return { kind: 'api', key, name: second, versions, flexible, request, response, doc: this.#doc, file: this.#file }
    }
    if (kind === 'data' && head.words.length === 2) {
      this.#typeName(first, head.number)
      this.#versionLines()
      const message = this.#section('fields', first)
      this.#end()
      return {
        kind: 'data',
        name: first,
        versions: this.#versions,
        flexible: this.#flexible,
        message,
        doc: this.#doc,
        file: this.#file,
      }
    }
    return this.#fail(head.number, quote(head.words), '`api <key> <Name>` or `data <Name>`')
  }

  #versionLines(): void {
    const versions = this.#take('`versions <range>`')
    if (versions.words[0] !== 'versions' || versions.words.length !== 2) {
      this.#fail(versions.number, quote(versions.words), '`versions <range>`, for example `versions 0-13`')
    }
    this.#versions = this.#range(versions.words[1] ?? '', versions.number)
    if (this.#versions.to === Infinity)
      this.#fail(versions.number, quote(versions.words), 'a closed range, for example `versions 0-13`')
    const flexible = this.#take('`flexible <range>` or `flexible none`')
    if (flexible.words[0] !== 'flexible' || flexible.words.length !== 2) {
      this.#fail(flexible.number, quote(flexible.words), '`flexible <range>` or `flexible none`')
    }
    this.#flexible = flexible.words[1] === 'none' ? null : this.#range(flexible.words[1] ?? '', flexible.number)
  }

  #section(keyword: string, structName: string): StructType {
    const line = this.#take(`the section \`${keyword}\``)
    if (line.indent !== 0 || line.words.length !== 1 || line.words[0] !== keyword) {
      this.#fail(line.number, quote(line.words), `the section \`${keyword}\``)
    }
    return { kind: 'struct', name: structName, fields: this.#fields(0) }
  }

  /** All following lines that are indented deeper than `parent`, on one common level. */
  #fields(parent: number): Field[] {
    const fields: Field[] = []
    const level = this.#lines[this.#next]?.indent ?? 0
    if (level <= parent) return fields
    for (;;) {
      const line = this.#lines[this.#next]
      if (line === undefined || line.indent <= parent) return fields
      if (line.indent !== level) {
        this.#fail(line.number, `an indentation of ${line.indent} spaces`, `${level} spaces like the fields beside it`)
      }
      const field = this.#field(line)
      if (fields.some((other) => other.name === field.name)) {
        this.#fail(line.number, `a second field \`${field.name}\``, 'field names that differ within a struct')
      }
      fields.push(field)
    }
  }

  #field(line: Line): Field {
    this.#next++
    const [name = '', typeWord = '', versionWord = '', ...rest] = line.words
    if (line.words.length < 3)
      this.#fail(line.number, quote(line.words), '`name type versions`, for example `acks int16 0+`')
    if (!/^[a-z][A-Za-z0-9]*$/.test(name))
      this.#fail(line.number, `the name \`${name}\``, 'a field name in lowerCamelCase')
    const versions = this.#range(versionWord, line.number)
    const options = this.#options(rest, line.number)
    const type = this.#type(typeWord, line)
    this.#check(name, type, versions, options, line)
    return { name, type, versions, doc: line.doc, ...options }
  }

  #type(word: string, line: Line): FieldType {
    const itemWord = word.startsWith('[]') ? word.slice(2) : word
    const item = this.#itemType(itemWord, line)
    const array: ArrayType = { kind: 'array', item }
    return word.startsWith('[]') ? array : item
  }

  #itemType(word: string, line: Line): PrimitiveType | StructType {
    const primitive = PRIMITIVES.find((name) => name === word)
    if (primitive !== undefined) return { kind: 'primitive', name: primitive }
    this.#typeName(word, line.number, `one of ${PRIMITIVES.join(', ')} or the name of a struct`)
    const fields = this.#fields(line.indent)
    if (fields.length === 0)
      this.#fail(line.number, `the struct \`${word}\` without fields`, 'its fields on deeper indented lines below')
    return { kind: 'struct', name: word, fields }
  }

  #options(words: readonly string[], line: number): Pick<Field, 'nullable' | 'tag' | 'default' | 'ignorable'> {
    let nullable: VersionRange | null = null
    let tag: number | null = null
    let defaultValue: string | null = null
    let ignorable = false
    for (let i = 0; i < words.length; i++) {
      const word = words[i]
      if (word === 'ignorable') ignorable = true
      else if (word === 'null') nullable = this.#range(words[++i] ?? '', line)
      else if (word === 'tag') tag = this.#integer(words[++i] ?? '', line, 'a tag number')
      else if (word === '=') {
        defaultValue = words[++i] ?? ''
        if (defaultValue === '') this.#fail(line, '`=` at the end of the line', 'a default value after `=`')
      } else this.#fail(line, `\`${word}\``, '`null <versions>`, `tag <n>`, `= <default>`, `ignorable` or `-- text`')
    }
    return { nullable, tag, default: defaultValue, ignorable }
  }

  #check(
    name: string,
    type: FieldType,
    versions: VersionRange,
    options: Pick<Field, 'nullable' | 'tag' | 'default'>,
    line: Line,
  ): void {
    const primitive = type.kind === 'primitive' ? type.name : ''
    if (options.tag !== null && (this.#flexible === null || versions.from < this.#flexible.from)) {
      this.#fail(
        line.number,
        `the tagged field \`${name}\` from version ${versions.from}`,
        'tagged fields in flexible versions only',
      )
    }
    if (options.nullable !== null && type.kind === 'primitive' && !NULLABLE_PRIMITIVES.includes(primitive)) {
      this.#fail(
        line.number,
        `\`null\` on the field \`${name}\``,
        '`null` only on string, bytes, records, arrays and structs',
      )
    }
    if (type.kind === 'struct' && options.nullable !== null) {
      // Whether the byte that tells null from a value is there would otherwise depend on the version.
      const { from, to } = options.nullable
      if (from > versions.from || to < versions.to || options.default !== 'null')
        this.#fail(line.number, `\`null\` on the struct \`${name}\``, '`null` in all of its versions, and `= null`')
    }
    if (options.default === null) return
    const value = options.default
    const fits =
      (value === 'null' && options.nullable !== null) ||
      (primitive === 'bool' && (value === 'true' || value === 'false')) ||
      (primitive.startsWith('int') && Number.isSafeInteger(Number(value)))
    if (!fits)
      this.#fail(
        line.number,
        `the default \`${value}\` of \`${name}\``,
        "a default of the field's type (`null` needs `null <versions>`)",
      )
  }

  #range(word: string, line: number): VersionRange {
    const match = /^(\d+)(?:(\+)|-(\d+))?$/.exec(word)
    if (match === null)
      return this.#fail(line, `the versions \`${word}\``, 'a version range such as `3`, `3+` or `3-7`')
    const from = Number(match[1])
    const to = match[2] === '+' ? Infinity : match[3] === undefined ? from : Number(match[3])
    if (to < from) this.#fail(line, `the versions \`${word}\``, 'a range that does not run backwards')
    return { from, to }
  }

  #integer(word: string, line: number, what: string): number {
    return /^\d+$/.test(word) ? Number(word) : this.#fail(line, `\`${word}\``, what)
  }

  #typeName(word: string, line: number, expected = 'a name in UpperCamelCase'): void {
    if (!/^[A-Z][A-Za-z0-9]*$/.test(word)) this.#fail(line, `\`${word}\``, expected)
  }

  #take(expected: string): Line {
    const line = this.#lines[this.#next++]
    return line ?? this.#fail(this.#lastLine, 'the end of the file', expected)
  }

  #end(): void {
    const line = this.#lines[this.#next]
    if (line !== undefined) this.#fail(line.number, quote(line.words), 'the end of the file')
  }

  #fail(line: number, found: string, expected: string): never {
    throw new SchemaError(this.#file, line, found, expected)
  }
}

function quote(words: readonly string[]): string {
  return `\`${words.join(' ')}\``
}
