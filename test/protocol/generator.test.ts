import { describe, expect, test } from 'vitest'
import { readDeclarations, staleFiles } from '../../scripts/generate-protocol.ts'
import { collectStructs } from '../../src/protocol/notation/emit-common.ts'
import { parseSchema } from '../../src/protocol/notation/parse.ts'

test('the committed files are what the schemas say (else run npx tsx scripts/generate-protocol.ts)', () => {
  expect(staleFiles()).toEqual([])
}, 30_000)

const HEAD = 'api 3 Metadata\nversions 0-13\nflexible 9+\n'
const data = (fields: string): string => `data Thing\nversions 0-3\nflexible 2+\nfields\n${fields}`

describe('the parser', () => {
  test('reads a declaration', () => {
    const text = `# About it.\n# In two lines.\n${HEAD}
request
  topics    []Topic  0+   null 1+ -- what for: all
    name    string   0-9  null 9 = null ignorable
    id      uuid     10+
  wait      int32    4+   = -1
response
  error     int16    13+  tag 0
`
    const declaration = parseSchema(text, 'x.schema')
    expect(declaration).toMatchObject({
      kind: 'api',
      key: 3,
      name: 'Metadata',
      versions: { from: 0, to: 13 },
      flexible: { from: 9, to: Infinity },
      doc: 'About it.\nIn two lines.',
      request: { name: 'MetadataRequest' },
      response: { name: 'MetadataResponse', fields: [{ name: 'error', tag: 0 }] },
    })
    if (declaration.kind !== 'api') throw new Error(declaration.kind)
    const [topics, wait] = declaration.request.fields
    expect(topics).toMatchObject({
      name: 'topics',
      nullable: { from: 1, to: Infinity },
      doc: 'what for: all',
      ignorable: false,
    })
    expect(topics?.type).toMatchObject({
      kind: 'array',
      item: {
        kind: 'struct',
        name: 'Topic',
        fields: [
          {
            name: 'name',
            versions: { from: 0, to: 9 },
            nullable: { from: 9, to: 9 },
            default: 'null',
            ignorable: true,
          },
          { name: 'id' },
        ],
      },
    })
    expect(wait).toMatchObject({ name: 'wait', default: '-1', versions: { from: 4, to: Infinity } })
  })

  const wrong: readonly (readonly [name: string, text: string, message: string])[] = [
    ['an empty file', '# nothing\n', 'x.schema:2: the end of the file; expected `api <key> <Name>` or `data <Name>`'],
    ['a wrong head', 'topic 3 X', 'x.schema:1: `topic 3 X`; expected `api <key> <Name>` or `data <Name>`'],
    ['a wrong key', 'api x Metadata', 'x.schema:1: `x`; expected an API key'],
    ['a wrong name', 'api 3 metadata', 'x.schema:1: `metadata`; expected a name in UpperCamelCase'],
    [
      'no versions',
      'api 3 Metadata\nflexible 9+',
      'x.schema:2: `flexible 9+`; expected `versions <range>`, for example `versions 0-13`',
    ],
    [
      'open versions',
      'api 3 Metadata\nversions 0+',
      'x.schema:2: `versions 0+`; expected a closed range, for example `versions 0-13`',
    ],
    [
      'no flexible',
      'api 3 Metadata\nversions 0-1\nrequest',
      'x.schema:3: `request`; expected `flexible <range>` or `flexible none`',
    ],
    ['no request', `${HEAD}response`, 'x.schema:4: `response`; expected the section `request`'],
    ['no response', `${HEAD}request\n  a int8 0+`, 'x.schema:5: the end of the file; expected the section `response`'],
    ['something after it', `${HEAD}request\nresponse\nmore`, 'x.schema:6: `more`; expected the end of the file'],
    ['a tab', data('\ta int8 0+'), 'x.schema:5: a tab; expected spaces for indentation'],
    [
      'no versions of a field',
      data('  a int8'),
      'x.schema:5: `a int8`; expected `name type versions`, for example `acks int16 0+`',
    ],
    ['a field name', data('  Acks int8 0+'), 'x.schema:5: the name `Acks`; expected a field name in lowerCamelCase'],
    [
      'a type',
      data('  a int9 0+'),
      'x.schema:5: `int9`; expected one of bool, int8, int16, int32, int64, string, bytes, records, uuid or the name of a struct',
    ],
    [
      'a range',
      data('  a int8 0..3'),
      'x.schema:5: the versions `0..3`; expected a version range such as `3`, `3+` or `3-7`',
    ],
    [
      'a backward range',
      data('  a int8 3-1'),
      'x.schema:5: the versions `3-1`; expected a range that does not run backwards',
    ],
    [
      'an option',
      data('  a int8 0+ nullable'),
      'x.schema:5: `nullable`; expected `null <versions>`, `tag <n>`, `= <default>`, `ignorable` or `-- text`',
    ],
    [
      'null without versions',
      data('  a string 0+ null'),
      'x.schema:5: the versions ``; expected a version range such as `3`, `3+` or `3-7`',
    ],
    [
      'null on a number',
      data('  a int8 0+ null 0+'),
      'x.schema:5: `null` on the field `a`; expected `null` only on string, bytes, records, arrays and structs',
    ],
    ['no default', data('  a int8 0+ ='), 'x.schema:5: `=` at the end of the line; expected a default value after `=`'],
    [
      'a default',
      data('  a int8 0+ = true'),
      "x.schema:5: the default `true` of `a`; expected a default of the field's type (`null` needs `null <versions>`)",
    ],
    [
      'a null default',
      data('  a string 0+ = null'),
      "x.schema:5: the default `null` of `a`; expected a default of the field's type (`null` needs `null <versions>`)",
    ],
    [
      'an early tag',
      data('  a int8 1+ tag 0'),
      'x.schema:5: the tagged field `a` from version 1; expected tagged fields in flexible versions only',
    ],
    ['a tag number', data('  a int8 2+ tag x'), 'x.schema:5: `x`; expected a tag number'],
    [
      'an empty struct',
      data('  a []Topic 0+\n  b int8 0+'),
      'x.schema:5: the struct `Topic` without fields; expected its fields on deeper indented lines below',
    ],
    [
      'a ragged indentation',
      data('  a []Topic 0+\n      b int8 0+\n    c int8 0+'),
      'x.schema:7: an indentation of 4 spaces; expected 6 spaces like the fields beside it',
    ],
    [
      'a field of a number',
      data('  a int8 0+\n    b int8 0+'),
      'x.schema:6: an indentation of 4 spaces; expected 2 spaces like the fields beside it',
    ],
    [
      'a field twice',
      data('  a int8 0+\n  a int8 1+'),
      'x.schema:6: a second field `a`; expected field names that differ within a struct',
    ],
  ]
  test.each(wrong)('says what is wrong with %s', (_name, text, message) => {
    expect(() => parseSchema(text, 'x.schema')).toThrow(message)
  })

  test('two structs of one name', () => {
    const one = parseSchema(data('  a []Topic 0+\n    b int8 0+'), 'one.schema')
    const two = parseSchema(data('  a []Topic 0+\n    b int8 1+ = 7').replace('Thing', 'Other'), 'two.schema')
    expect(() => collectStructs([one, two])).toThrow(
      'two.schema:1: a struct `Topic` that differs from the one in one.schema; expected another name, or the same fields',
    )
    expect(
      collectStructs([one, parseSchema(data('  a []Topic 1+\n    b int8 2+').replace('Thing', 'Other'), 'two.schema')])
        .size,
    ).toBe(3)
  })
})

test('tags of a struct are numbered from 0, API keys differ, names fit the files', () => {
  const declarations = readDeclarations()
  const keys = declarations.flatMap((declaration) => (declaration.kind === 'api' ? [declaration.key] : []))
  expect(new Set(keys).size).toBe(keys.length)
  for (const { struct } of collectStructs(declarations).values()) {
    const tags = struct.fields.flatMap(({ tag }) => (tag === null ? [] : [tag]))
    expect([...tags].sort(), struct.name).toEqual(tags.map((_, i) => i))
  }
  for (const declaration of declarations) {
    const kebab = declaration.name.replace(/(?<=[a-z])[A-Z]/g, '-$&').toLowerCase()
    const prefix = declaration.kind === 'api' ? String(declaration.key).padStart(2, '0') : 'data'
    expect(declaration.file).toBe(`${prefix}-${kebab}.schema`)
  }
})
