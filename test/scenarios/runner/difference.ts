/** Where what a scenario printed differs from what its file says, with the lines of the file. */

const SHOWN = 12

export function differenceOf(file: string, expected: string, printed: string): string {
  const old = expected.split('\n')
  const now = printed.split('\n')
  let first = 0
  while (first < old.length && old[first] === now[first]) first += 1
  let tail = 0
  while (tail < Math.min(old.length, now.length) - first && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1
  const context = old
    .slice(Math.max(0, first - 3), first)
    .map((text, i) => row(Math.max(0, first - 3) + i + 1, ' ', text))
  return [
    `${file}:${first + 1} prints something else now.`,
    ...context,
    ...shown(old.slice(first, old.length - tail)).map((text, i) => row(first + i + 1, '-', text)),
    ...shown(now.slice(first, now.length - tail)).map((text) => row(null, '+', text)),
    'If it is right as it is now: npx vitest run test/scenarios -u',
  ].join('\n')
}

function shown(lines: readonly string[]): readonly string[] {
  return lines.length <= SHOWN ? lines : [...lines.slice(0, SHOWN), `… ${lines.length - SHOWN} more lines`]
}

function row(line: number | null, sign: string, text: string): string {
  return `${(line === null ? '' : String(line)).padStart(5)} ${sign} ${text}`
}
