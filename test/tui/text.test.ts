import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { colorLevel, paint } from '../../src/tui/term/color.ts'
import { keysOf } from '../../src/tui/term/keys.ts'
import { fit, fitLine, type Line, lineWidth, span, truncate, width, wrap } from '../../src/tui/term/text.ts'

const TEXTS = [
  'plain ascii text',
  '카프카는 로그를 간직해요',
  '로그(log)와 offset 섞기',
  'e\u0301 👩‍👩‍👧‍👦 flag 🇰🇷 end',
  '',
]

describe('fit', () => {
  test('is exactly as wide as asked, for every width and script', () => {
    for (const text of TEXTS) {
      for (let columns = 0; columns <= 36; columns += 1)
        expect(width(fit(text, columns)), `${text} ${columns}`).toBe(columns)
    }
  })

  test('cuts before a wide character that does not fit whole', () => {
    expect(truncate('카프카', 4)).toBe('카…')
    expect(truncate('카프카', 5)).toBe('카프…')
    expect(truncate('카프카', 6)).toBe('카프카')
    expect(fit('카프카', 4)).toBe('카… ')
  })

  test('a line of spans keeps its width too', () => {
    const line: Line = [span('카프카', 'good'), span(' log ', 'plain', true), span('오프셋')]
    for (let columns = 1; columns <= 30; columns += 1)
      expect(lineWidth(fitLine(line, columns)), String(columns)).toBe(columns)
  })
})

describe('wrap', () => {
  test('breaks at blanks, inside a word only when it must', () => {
    const text = (lines: Line[]) => lines.map((line) => line.map((part) => part.text).join(''))
    expect(text(wrap([span('one two three')], 8))).toEqual(['one two', 'three'])
    expect(text(wrap([span('로그는 끝에만 덧붙여요')], 10))).toEqual(['로그는', '끝에만', '덧붙여요'])
    expect(text(wrap([span('abcdefghij')], 4))).toEqual(['abcd', 'efgh', 'ij'])
    expect(text(wrap([span('bold', 'plain', true), span('stem와 next')], 8))).toEqual(['boldstem', '와 next'])
  })

  test('no line is ever too wide and no letter is lost', () => {
    const piece = fc.constantFrom('a', 'bc', '로', '그', ' ', '  ', '오프셋', 'e\u0301', '👍')
    fc.assert(
      fc.property(
        fc.array(fc.array(piece).map((parts) => span(parts.join('')))),
        fc.integer({ min: 2, max: 20 }),
        (line, columns) => {
          const lines = wrap(line, columns)
          for (const wrapped of lines) expect(lineWidth(wrapped)).toBeLessThanOrEqual(columns)
          const letters = (all: Line[]) =>
            all
              .flat()
              .map((part) => part.text)
              .join('')
              .replaceAll(' ', '')
          expect(letters(lines)).toBe(letters([line]))
        },
      ),
    )
  })
})

describe('keys', () => {
  test('a chunk of several letters is several keys', () => {
    expect(keysOf('ab', {})).toEqual(['a', 'b'])
    expect(keysOf(' ', {})).toEqual(['space'])
    expect(keysOf('\u0003', {})).toEqual(['ctrl-c'])
    expect(keysOf('c', { ctrl: true })).toEqual(['ctrl-c'])
    expect(keysOf('', { escape: true })).toEqual(['esc'])
    expect(keysOf('x', { ctrl: true })).toEqual([])
  })

  test('Hangul letters are the keys they stand on', () => {
    expect(keysOf('ㅂ', {})).toEqual(['q'])
    expect(keysOf('ㅔㅖ', {})).toEqual(['p', 'P'])
  })
})

describe('colour', () => {
  test('NO_COLOR, FORCE_COLOR and the terminal decide, in this order of strength', () => {
    expect(colorLevel({}, true)).toBe(1)
    expect(colorLevel({}, false)).toBe(0)
    expect(colorLevel({ NO_COLOR: '1', COLORTERM: 'truecolor' }, true)).toBe(0)
    expect(colorLevel({ NO_COLOR: '', TERM: 'xterm-256color' }, true)).toBe(2)
    expect(colorLevel({ FORCE_COLOR: '3', NO_COLOR: '1' }, false)).toBe(3)
    expect(colorLevel({ FORCE_COLOR: '0', COLORTERM: 'truecolor' }, true)).toBe(0)
    expect(colorLevel({ TERM: 'dumb' }, true)).toBe(0)
  })

  test('painting changes no width, and none means none', () => {
    const line: Line = [span('카프카', 'good', true), span('log', 'muted')]
    for (const level of [0, 1, 2, 3] as const) expect(width(paint(line, level))).toBe(lineWidth(line))
    expect(paint(line, 0)).toBe('카프카log')
    expect(paint(line, 3)).toContain('\u001b[1;38;2;0;158;115m카프카')
  })
})
