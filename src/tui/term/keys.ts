/** One name a key, whatever the terminal, Ink's version or the input method say. */
import type { Key as InkKey } from 'ink'
import { graphemes } from './text.ts'

/** A printable character, or one of the names below. */
export type Key = string

/**
 * With a Korean input method on, the same keys arrive as single Hangul letters. A learner should not have to switch
 * back to press q.
 */
const HANGUL_KEYS: Readonly<Record<string, string>> = {
  ㅂ: 'q',
  ㅈ: 'w',
  ㄷ: 'e',
  ㄱ: 'r',
  ㅅ: 't',
  ㅛ: 'y',
  ㅕ: 'u',
  ㅑ: 'i',
  ㅐ: 'o',
  ㅔ: 'p',
  ㅖ: 'P',
  ㅁ: 'a',
  ㄴ: 's',
  ㅇ: 'd',
  ㄹ: 'f',
  ㅎ: 'g',
  ㅗ: 'h',
  ㅓ: 'j',
  ㅏ: 'k',
  ㅣ: 'l',
  ㅋ: 'z',
  ㅌ: 'x',
  ㅊ: 'c',
  ㅍ: 'v',
  ㅠ: 'b',
  ㅜ: 'n',
  ㅡ: 'm',
}

/** The keys in one chunk of input; a fast typist's or a paste's chunk holds several. */
export function keysOf(input: string, key: Partial<InkKey>): Key[] {
  if (key.ctrl && input === 'c') return ['ctrl-c']
  if (key.ctrl || key.meta) return key.escape ? ['esc'] : []
  if (key.escape) return ['esc']
  if (key.return) return ['enter']
  if (key.tab) return [key.shift ? 'shift-tab' : 'tab']
  if (key.upArrow) return ['up']
  if (key.downArrow) return ['down']
  if (key.leftArrow) return ['left']
  if (key.rightArrow) return ['right']
  if (key.pageUp) return ['pgup']
  if (key.pageDown) return ['pgdn']
  if (key.home) return ['home']
  if (key.end) return ['end']
  if (key.backspace || key.delete) return ['backspace']
  return graphemes(input).flatMap((text) => {
    if (text === '\u0003') return ['ctrl-c']
    if (text === '\u001b') return ['esc']
    if (text === '\r' || text === '\n' || text === '\r\n') return ['enter']
    if (text === '\t') return ['tab']
    if (text === ' ') return ['space']
    if (/^\p{Cc}/u.test(text)) return []
    return [HANGUL_KEYS[text] ?? text]
  })
}
