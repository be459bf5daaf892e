import { describe, expect, test } from 'vitest'
import { CATALOGS, translator } from '../../src/course/i18n/catalog.ts'
import { en } from '../../src/course/i18n/en.ts'
import { format } from '../../src/course/i18n/format.ts'
import { josa } from '../../src/course/i18n/josa.ts'
import { ko } from '../../src/course/i18n/ko.ts'
import { localeOf } from '../../src/course/i18n/locale.ts'
import { sourceFiles } from '../support/sources.ts'

describe('josa', () => {
  test.each([
    ['로그', '을/를', '를'],
    ['오프셋', '을/를', '을'],
    ['파티션', '이/가', '이'],
    ['브로커', '이/가', '가'],
    ['토픽', '은/는', '은'],
    ['그룹', '과/와', '과'],
    ['키', '과/와', '와'],
    ['서울', '으로/로', '로'],
    ['끝', '으로/로', '으로'],
    ['리더', '으로/로', '로'],
    ['10', '으로/로', '으로'],
    ['1', '으로/로', '로'],
    ['2', '을/를', '를'],
    ['3', '이/가', '이'],
    ['orders-0', '을/를', '을'],
    ['orders-2', '을/를', '를'],
    ['shop', '이/가', '이'],
    ['billing', '은/는', '은'],
    ['A', '이/가', '가'],
    ['L', '이/가', '이'],
    ['"로그"', '을/를', '를'],
    ['', '을/를', '를'],
  ] as const)('%s takes %s as %s', (word, particle, expected) => {
    expect(josa(word, particle)).toBe(expected)
  })
})

describe('format', () => {
  test('fills blanks, picks particles and English numbers', () => {
    expect(format('{a} and {a}', { a: 1 })).toBe('1 and 1')
    expect(format('{n|을/를} 읽어요', { n: '로그' })).toBe('로그를 읽어요')
    expect(format('{n#move#moves}', { n: 1 })).toBe('1 move')
    expect(format('{n#move#moves}', { n: 2 })).toBe('2 moves')
  })

  test('a missing value or an unknown particle is an error, not a hole', () => {
    expect(() => format('{a}')).toThrow('needs a value for {a}')
    expect(() => format('{a|랑/이랑}', { a: 'x' })).toThrow('unknown particle')
  })
})

describe('catalogues', () => {
  const blanks = (text: string) => [...new Set([...text.matchAll(/\{(\w+)/g)].map((match) => match[1]))].sort()

  test('both languages have every message with the same blanks', () => {
    expect(Object.keys(ko).sort()).toEqual(Object.keys(en).sort())
    for (const id of Object.keys(en) as (keyof typeof en)[]) {
      expect(blanks(ko[id]), id).toEqual(blanks(en[id]))
    }
  })

  test('every particle in the Korean messages is known, and both forms are never printed', () => {
    for (const [id, text] of Object.entries(CATALOGS.ko)) {
      const params = Object.fromEntries(blanks(text).map((name) => [name ?? '', '로그']))
      const shown = format(text, params)
      expect(shown, id).not.toMatch(/[을를이가은는과와]\([을를이가은는과와]\)|\{|\}/)
    }
  })

  test('a translator speaks its language', () => {
    expect(translator('en')('event.offset.commit', { group: 'A', where: 'orders-0', offset: 10 })).toBe(
      'group A moved its bookmark in orders-0 to 10',
    )
    expect(translator('ko')('event.offset.commit', { group: 'A', where: 'orders-0', offset: 10 })).toBe(
      'A 그룹이 orders-0의 책갈피를 10으로 옮겼어요',
    )
  })
})

test.each([
  [{ LANG: 'ko_KR.UTF-8' }, 'ko'],
  [{ LANG: 'en_US.UTF-8' }, 'en'],
  [{ LC_ALL: 'ko', LANG: 'en_US' }, 'ko'],
  [{ LC_ALL: 'C', LANG: 'ko_KR' }, 'en'],
  [{ LANG: 'kok_IN' }, 'en'],
  [{}, 'en'],
] as const)('%j means %s', (environment, locale) => {
  expect(localeOf(environment)).toBe(locale)
})

test('no message is left over: each is used somewhere, by its name or by a template that begins like it', () => {
  const code = sourceFiles('src/course', 'src/tui', 'src/cli')
    .filter((file) => !/i18n\/(?:en|ko)\.ts$/.test(file.path))
    .map((file) => file.text)
    .join('\n')
  const templates = [...code.matchAll(/`([a-z-]+\.(?:[a-z-]+\.)*)\$\{/g)].map((match) => match[1] ?? '')
  const unused = Object.keys(en).filter(
    (id) => !code.includes(`'${id}'`) && !templates.some((start) => id.startsWith(start)),
  )
  expect(unused).toEqual([])
})
