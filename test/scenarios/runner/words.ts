/** One command: a verb, words in their places, and options (`name=value`) in any order. Whatever is not understood is refused. */
import { nearest } from '../../../src/kernel/nearest.ts'
import { type Line, ScriptError } from './script.ts'
import { parseSpan, type Span } from './time.ts'

export class Words {
  readonly line: Line
  readonly verb: string
  readonly #words: string[]
  readonly #options = new Map<string, string>()

  constructor(line: Line) {
    this.line = line
    const [verb = '', ...rest] = line.text.trim().split(/\s+/)
    this.verb = verb
    this.#words = rest.filter((word) => !word.includes('='))
    for (const word of rest) {
      const at = word.indexOf('=')
      if (at < 0) continue
      const name = word.slice(0, at)
      if (this.#options.has(name)) throw this.error(`the option ${name} is given twice.`)
      this.#options.set(name, word.slice(at + 1))
    }
  }

  error(message: string): ScriptError {
    return new ScriptError(this.line.number, message)
  }

  /** Not one of the known words, which are told, the nearest first. */
  unknown(what: string, word: string, known: readonly string[]): ScriptError {
    const near = nearest(word, known)
    const hint = near === null ? '' : ` Did you mean "${near}"?`
    return this.error(`"${word}" is no ${what}.${hint} Known: ${known.join(', ')}.`)
  }

  /** The next word; it has to be there. */
  word(what: string): string {
    const word = this.#words.shift()
    if (word === undefined) throw this.error(`${this.verb} lacks ${what}.`)
    return word
  }

  maybe(): string | undefined {
    return this.#words.shift()
  }

  /** The word after a preposition, as in `produce 1..3 to orders`; undefined when the preposition is not there. */
  after(preposition: string, what: string): string | undefined {
    const at = this.#words.indexOf(preposition)
    if (at < 0) return undefined
    const word = this.#words[at + 1]
    if (word === undefined) throw this.error(`"${preposition}" lacks ${what}.`)
    this.#words.splice(at, 2)
    return word
  }

  /** All words that are left. */
  rest(): string[] {
    return this.#words.splice(0)
  }

  option(name: string): string | undefined {
    const value = this.#options.get(name)
    this.#options.delete(name)
    return value
  }

  choice<T extends string>(name: string, known: readonly T[], otherwise: T): T {
    const value = this.option(name)
    if (value === undefined) return otherwise
    if ((known as readonly string[]).includes(value)) return value as T
    throw this.unknown(`value of ${name}`, value, known)
  }

  number(name: string): number | undefined {
    const value = this.option(name)
    if (value === undefined) return undefined
    if (/^\d+$/.test(value)) return Number(value)
    throw this.error(`${name}=${value} is no number.`)
  }

  /** A length of time or a range of them. */
  span(text: string): Span {
    const span = parseSpan(text)
    if (span === null) throw this.error(`"${text}" is no time: write 250ms, 45s, 5m, 10d, or a range such as 0s..20s.`)
    return span
  }

  spanOption(name: string): Span | undefined {
    const value = this.option(name)
    return value === undefined ? undefined : this.span(value)
  }

  milliseconds(name: string): number | undefined {
    const span = this.spanOption(name)
    if (span !== undefined && span.to !== span.from) throw this.error(`${name} takes one time, not a range.`)
    return span?.from
  }

  /** Options whose names pass a test: taken out and answered. */
  options(wanted: (name: string) => boolean): [string, string][] {
    const found = [...this.#options].filter(([name]) => wanted(name))
    for (const [name] of found) this.#options.delete(name)
    return found
  }

  /** Everything has been read: what is left is not understood. */
  end(known: readonly string[] = []): void {
    const [word] = this.#words
    if (word !== undefined) throw this.error(`${this.verb} does not understand "${word}".`)
    const [option] = this.#options.keys()
    if (option !== undefined) throw this.unknown(`option of ${this.verb}`, option, known.length > 0 ? known : ['none'])
  }
}
