/**
 * Korean particles follow the sound before them: 로그를, 오프셋을. `josa` picks the form, so that no screen ever shows
 * both of them.
 */

/** A particle as it is written in a message: the form after a consonant, a slash, the form after a vowel. */
export type Josa = '을/를' | '이/가' | '은/는' | '으로/로' | '과/와'

export const JOSA: readonly Josa[] = ['을/를', '이/가', '은/는', '으로/로', '과/와']

type Ending = 'vowel' | 'consonant' | 'rieul'

/** How the digits end when read aloud in Korean: 영 일 이 삼 사 오 육 칠 팔 구. */
const DIGITS: readonly Ending[] = [
  'consonant',
  'rieul',
  'vowel',
  'consonant',
  'vowel',
  'vowel',
  'consonant',
  'rieul',
  'rieul',
  'vowel',
]

const HANGUL_START = 0xac00
const HANGUL_END = 0xd7a3
const FINALS = 28
const FINAL_RIEUL = 8

/** The right particle after `word`, without the word. */
export function josa(word: string, particle: Josa): string {
  const [afterConsonant = '', afterVowel = ''] = particle.split('/')
  const ending = endingOf(word)
  if (particle === '으로/로') return ending === 'consonant' ? afterConsonant : afterVowel
  return ending === 'vowel' ? afterVowel : afterConsonant
}

function endingOf(word: string): Ending {
  const spoken = word.replace(/[\s\p{P}\p{S}]+$/u, '')
  const last = [...spoken].at(-1)
  if (last === undefined) return 'vowel'
  const code = last.codePointAt(0) ?? 0
  if (code >= HANGUL_START && code <= HANGUL_END) {
    const final = (code - HANGUL_START) % FINALS
    return final === 0 ? 'vowel' : final === FINAL_RIEUL ? 'rieul' : 'consonant'
  }
  if (/[0-9]/.test(last)) return DIGITS[Number(last)] ?? 'vowel'
  return endingOfLatin(spoken)
}

/** A single letter is read by its name (엘, 엠, 엔, 알); a word roughly as English is written in Korean. */
function endingOfLatin(word: string): Ending {
  const tail = /[a-z]+$/i.exec(word)?.[0] ?? ''
  if (tail.length === 1) {
    if (/[lr]/i.test(tail)) return 'rieul'
    return /[mn]/i.test(tail) ? 'consonant' : 'vowel'
  }
  if (/l$/i.test(tail) || /le$/i.test(tail)) return 'rieul'
  if (/(?:[mn]|ng)$/i.test(tail)) return 'consonant'
  return /[^aeiou][aeiou][ckpt]$/i.test(tail) ? 'consonant' : 'vowel'
}
