/** The bench's table: a line each measurement, beside its target. Nothing here fails a build. */

interface Row {
  readonly what: string
  readonly value: number
  readonly target: number
  readonly better: 'less' | 'more'
}

const rows: Row[] = []

export function add(what: string, value: number, unit: string, better: Row['better'], target: number): void {
  rows.push({ what, value, target, better })
  const shown = value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(value < 10 ? 2 : 1)
  const goal = `${better === 'less' ? '≤' : '≥'} ${target.toLocaleString('en')}`
  const met = isMet({ what, value, target, better })
  console.log(`${met ? '  ' : '! '}${what.padEnd(WIDTH)} ${shown.padStart(12)} ${unit.padEnd(8)} ${goal}`)
}

const WIDTH = 64

export function header(): void {
  console.log(`${'  what'.padEnd(WIDTH + 2)} ${'result'.padStart(12)} ${'unit'.padEnd(8)} target\n`)
}

export function footer(): void {
  const met = rows.filter(isMet).length
  console.log(`\n${met} of ${rows.length} targets met on this machine, now.`)
}

/** How something was counted, under the line it belongs to. */
export function remark(text: string): void {
  console.log(`      ${text}`)
}

function isMet({ value, target, better }: Row): boolean {
  return better === 'less' ? value <= target : value >= target
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number
}

/** Milliseconds. */
export async function timed(run: () => unknown): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}
