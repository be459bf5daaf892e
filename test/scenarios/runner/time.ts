/** Lengths of time: how scripts write them, how output shows them, and how one is drawn from a range. */
import { milliseconds } from '../../../src/cluster/duration.ts'

/** Milliseconds; `from` and `to` are the same unless a range was written. */
export interface Span {
  readonly from: number
  readonly to: number
}

export function parseSpan(text: string): Span | null {
  const [from, to = from] = text.split('..').map(parse)
  if (from === undefined || from === null || to === undefined || to === null || to < from) return null
  return { from, to }
}

function parse(text: string): number | null {
  try {
    return milliseconds(text, 'time')
  } catch {
    return null
  }
}

/** Draws numbers for one run of a scene: the same seed and the same question, the same answer. */
export type Dice = (question: string, sides: number) => number

/** Without a seed every draw is the first side, as in the cluster itself. */
export function diceOf(seed: number | null): Dice {
  if (seed === null) return () => 0
  return (question, sides) => {
    // FNV-1a over the question, then the finalizer of MurmurHash3.
    let hash = 0x811c9dc5
    for (const character of `${seed}/${question}`) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193) >>> 0
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) >>> 0
    hash = (hash ^ (hash >>> 16)) >>> 0
    return Math.floor((hash / 2 ** 32) * sides)
  }
}

export function draw({ from, to }: Span, dice: Dice, question: string): number {
  return from + dice(question, to - from + 1)
}

/** `4.003s`, `1m05.200s`, `10d 0h00m05s`. */
export function timeText(ms: number): string {
  if (ms < 60_000) return `${seconds(ms)}s`
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)}m${padded(ms % 60_000)}s`
  const days = Math.floor(ms / 86_400_000)
  const hours = Math.floor((ms % 86_400_000) / 3_600_000)
  const minutes = String(Math.floor((ms % 3_600_000) / 60_000)).padStart(2, '0')
  return `${days > 0 ? `${days}d ` : ''}${hours}h${minutes}m${padded(ms % 60_000)}s`
}

function seconds(ms: number): string {
  return ms % 1000 === 0 ? String(ms / 1000) : (ms / 1000).toFixed(3)
}

function padded(ms: number): string {
  return `${ms < 10_000 ? '0' : ''}${seconds(ms)}`
}
