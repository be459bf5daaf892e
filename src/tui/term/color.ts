/** Colours from meanings. Never colour alone: every tone also has its glyph, place or word. */
import type { Line, Tone } from './text.ts'

/** 0 = none, 1 = 16 colours, 2 = 256, 3 = true colour. */
export type ColorLevel = 0 | 1 | 2 | 3

/** Okabe–Ito, without its yellow, which cannot be read on a light background. */
const TRUE_COLOR: Readonly<Partial<Record<Tone, string>>> = {
  accent: '38;2;86;180;233',
  good: '38;2;0;158;115',
  bad: '38;2;213;94;0',
  warn: '38;2;230;159;0',
  one: '38;2;86;180;233',
  two: '38;2;230;159;0',
  three: '38;2;204;121;167',
}

const COLORS_256: Readonly<Partial<Record<Tone, string>>> = {
  accent: '38;5;74',
  good: '38;5;36',
  bad: '38;5;166',
  warn: '38;5;172',
  one: '38;5;74',
  two: '38;5;172',
  three: '38;5;175',
}

const COLORS_16: Readonly<Partial<Record<Tone, string>>> = {
  accent: '36',
  good: '32',
  bad: '31',
  warn: '35',
  one: '36',
  two: '35',
  three: '34',
}

/** NO_COLOR and FORCE_COLOR first, then what the terminal says about itself. */
export function colorLevel(environment: Readonly<Record<string, string | undefined>>, isTTY: boolean): ColorLevel {
  const { NO_COLOR, FORCE_COLOR, TERM, COLORTERM } = environment
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') {
    if (FORCE_COLOR === 'false' || FORCE_COLOR === '0') return 0
    return FORCE_COLOR === '2' ? 2 : FORCE_COLOR === '3' ? 3 : 1
  }
  if (NO_COLOR || !isTTY || TERM === 'dumb') return 0
  if (COLORTERM === 'truecolor' || COLORTERM === '24bit') return 3
  return TERM?.includes('256color') ? 2 : 1
}

/** A line with its SGR codes; plain text at level 0 (there even weight is left out). */
export function paint(line: Line, level: ColorLevel): string {
  if (level === 0) return line.map((part) => part.text).join('')
  const colors = level === 3 ? TRUE_COLOR : level === 2 ? COLORS_256 : COLORS_16
  return line
    .map(({ text, tone = 'plain', bold = false }) => {
      const codes = [bold ? '1' : '', tone === 'muted' ? '2' : (colors[tone] ?? '')].filter((code) => code !== '')
      if (codes.length === 0) return text
      const ends = [bold || tone === 'muted' ? '22' : '', colors[tone] ? '39' : ''].filter((code) => code !== '')
      return `\u001b[${codes.join(';')}m${text}\u001b[${ends.join(';')}m`
    })
    .join('')
}
