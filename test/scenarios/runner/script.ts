/**
 * The shape of a scenario file: paragraphs of prose, and blocks of commands, `----`, what they print. Nothing is known of the
 * commands here; where prose ends and a block begins is all there is.
 */

export interface Line {
  /** As an editor counts. */
  readonly number: number
  readonly text: string
}

export interface Prose {
  readonly type: 'prose'
  readonly lines: readonly Line[]
}

export interface Block {
  readonly type: 'block'
  /** What stands below `----` is not kept: it is what they print. */
  readonly commands: readonly Line[]
}

/** What is wrong with a script, and where. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
  readonly line: number
  /** The message without the line. */
  readonly plain: string

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`)
    this.line = line
    this.plain = message
  }
}

const FENCE = '----'

export function parseScript(text: string): (Prose | Block)[] {
  const paragraphs = paragraphsOf(text)
  const title = paragraphs[0]?.[0]
  if (title === undefined || !title.text.startsWith('# ')) {
    throw new ScriptError(title?.number ?? 1, 'a scenario begins with its title: # The title')
  }
  return paragraphs.map(partOf)
}

function paragraphsOf(text: string): Line[][] {
  const paragraphs: Line[][] = []
  let open: Line[] | null = null
  for (const [index, raw] of text.split('\n').entries()) {
    const line = { number: index + 1, text: raw.trimEnd() }
    if (line.text === '') {
      open = null
      continue
    }
    if (open === null) {
      open = []
      paragraphs.push(open)
    }
    open.push(line)
  }
  return paragraphs
}

function partOf(lines: readonly Line[]): Prose | Block {
  const first = lines[0] as Line
  const fence = lines.findIndex(({ text }) => text === FENCE)
  if (fence < 0) {
    if (/^[a-z]/.test(first.text)) {
      throw new ScriptError(
        first.number,
        `prose begins with a capital letter, and commands end with a line of ${FENCE}: add one of them.`,
      )
    }
    return { type: 'prose', lines }
  }
  if (fence === 0) throw new ScriptError(first.number, `there is no command above ${FENCE}.`)
  return { type: 'block', commands: lines.slice(0, fence) }
}

/** The file again, with what its blocks printed this time, in the order of its parts. */
export function writeScript(parts: readonly (Prose | Block)[], printed: readonly (readonly string[])[]): string {
  const paragraphs = parts.map((part, i) =>
    part.type === 'prose'
      ? part.lines.map(({ text }) => text)
      : [...part.commands.map(({ text }) => text), FENCE, ...(printed[i] ?? [])],
  )
  return `${paragraphs.map((lines) => lines.join('\n')).join('\n\n')}\n`
}
