/** Text as a terminal sees it: columns, not characters. A Hangul syllable is two columns wide. */
import stringWidth from 'string-width'

/** What a piece of text means; colours are chosen from it in one place. */
export type Tone = 'plain' | 'muted' | 'accent' | 'good' | 'bad' | 'warn' | 'one' | 'two' | 'three'

export interface Span {
  readonly text: string
  readonly tone?: Tone
  readonly bold?: boolean
}

export type Line = readonly Span[]

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Columns a text takes on the screen. */
export function width(text: string): number {
  return stringWidth(text)
}

export function lineWidth(line: Line): number {
  return line.reduce((sum, span) => sum + width(span.text), 0)
}

export function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), (part) => part.segment)
}

export function span(text: string, tone: Tone = 'plain', bold = false): Span {
  return { text, tone, bold }
}

export const EMPTY: Line = []

/** Exactly `columns` wide: cut with an ellipsis, or padded with blanks. */
export function fit(text: string, columns: number, ellipsis = '…'): string {
  const cut = truncate(text, columns, ellipsis)
  return cut + ' '.repeat(Math.max(0, columns - width(cut)))
}

/** At most `columns` wide. A wide character that does not fit whole is left out. */
export function truncate(text: string, columns: number, ellipsis = '…'): string {
  if (columns <= 0) return ''
  if (width(text) <= columns) return text
  const room = columns - width(ellipsis)
  let kept = ''
  let used = 0
  for (const grapheme of graphemes(text)) {
    used += width(grapheme)
    if (used > room) break
    kept += grapheme
  }
  return room < 0 ? '' : kept + ellipsis
}

/** The same for a line of spans. */
export function fitLine(line: Line, columns: number, ellipsis = '…'): Line {
  const total = lineWidth(line)
  if (total <= columns) return total === columns ? line : [...line, { text: ' '.repeat(columns - total) }]
  const kept: Span[] = []
  let left = columns
  for (const part of line) {
    const size = width(part.text)
    // The last column is kept for the ellipsis unless everything fits.
    if (size <= left - width(ellipsis)) {
      kept.push(part)
      left -= size
      continue
    }
    const cut = truncate(`${part.text}${' '.repeat(left)}`, left, ellipsis)
    kept.push({ ...part, text: cut + ' '.repeat(Math.max(0, left - width(cut))) })
    break
  }
  return kept
}

/** Breaks text into lines of at most `columns`, at blanks where possible, inside a word where not. */
export function wrap(content: Line, columns: number): Line[] {
  const limit = Math.max(1, columns)
  const lines: Line[] = []
  let line: Span[] = []
  let used = 0
  const flush = () => {
    lines.push(trimEnd(line))
    line = []
    used = 0
  }
  for (const word of words(content)) {
    const size = lineWidth(word.spans)
    if (word.blank) {
      if (used > 0 && used + size <= limit) {
        line.push(...word.spans)
        used += size
      } else if (used > 0) flush()
      continue
    }
    if (used > 0 && used + size > limit) flush()
    if (size <= limit) {
      line.push(...word.spans)
      used += size
      continue
    }
    for (const part of word.spans) {
      for (const grapheme of graphemes(part.text)) {
        const step = width(grapheme)
        if (used + step > limit) flush()
        line.push({ ...part, text: grapheme })
        used += step
      }
    }
  }
  if (line.length > 0) flush()
  return lines.length > 0 ? lines.map(joinSpans) : [EMPTY]
}

interface Word {
  readonly spans: readonly Span[]
  readonly blank: boolean
}

/** Cuts into words and the blanks between them; a word may run over several spans (bold stem, plain particle). */
function words(content: Line): Word[] {
  const result: { spans: Span[]; blank: boolean }[] = []
  for (const part of content) {
    for (const piece of part.text.split(/( +)/)) {
      if (piece === '') continue
      const blank = piece.startsWith(' ')
      const last = result.at(-1)
      if (last && last.blank === blank) last.spans.push({ ...part, text: piece })
      else result.push({ spans: [{ ...part, text: piece }], blank })
    }
  }
  return result
}

function trimEnd(line: readonly Span[]): Span[] {
  const kept = [...line]
  while (kept.length > 0) {
    const last = kept.pop()
    const text = last?.text.trimEnd() ?? ''
    if (last && text !== '') {
      kept.push({ ...last, text })
      break
    }
  }
  return kept
}

function joinSpans(line: Line): Line {
  const joined: Span[] = []
  for (const part of line) {
    const last = joined.at(-1)
    if (last && last.tone === part.tone && last.bold === part.bold) {
      joined[joined.length - 1] = { ...last, text: last.text + part.text }
    } else joined.push(part)
  }
  return joined
}
