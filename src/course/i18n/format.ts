import { JOSA, type Josa, josa } from './josa.ts'

export type Params = Readonly<Record<string, string | number>>

/**
 * Fills a message's blanks.
 *
 * - `{name}` is the value
 * - `{name|을/를}` is the value with the Korean particle that fits it
 * - `{count#record#records}` is the number with the English word in the right number
 */
export function format(template: string, params: Params = {}): string {
  return template.replace(/\{(\w+)(?:\|([^}]+)|#([^#}]*)#([^}]*))?\}/g, (_whole, name, particle, one, many) => {
    const value = params[name]
    if (value === undefined) throw new Error(`message "${template}" needs a value for {${name}}`)
    const text = String(value)
    if (particle !== undefined) return text + josa(text, knownJosa(particle))
    if (one !== undefined) return `${text} ${Number(value) === 1 ? one : many}`
    return text
  })
}

function knownJosa(text: string): Josa {
  const found = JOSA.find((particle) => particle === text)
  if (!found) throw new Error(`unknown particle ${text}; known: ${JOSA.join(', ')}`)
  return found
}
