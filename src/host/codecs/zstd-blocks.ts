/**
 * What the sequences of a compressed zstd block come to (RFC 8878, 3.1.1.3): whether their bits are all there, and whether more comes out
 * than a block may hold. fzstd looks at neither, and a few bytes that say otherwise would keep it busy for hours.
 */
import {
  DISTANCE_ODDS,
  LITERAL_BASES,
  LITERAL_BITS,
  LITERAL_ODDS,
  MATCH_BASES,
  MATCH_BITS,
  MATCH_ODDS,
  symbolsByState,
} from './zstd-tables.ts'

/** Block_Maximum_Size: no more comes out of a block. */
export const MOST_OF_A_BLOCK = 128 * 1024

/** For reading codes: by state its symbol, how many bits lead on, and from where they count. */
interface Decoding {
  readonly log: number
  readonly symbols: Uint8Array
  readonly bits: Uint8Array
  readonly bases: Uint16Array
}

/** One of the three kinds of code a sequence has. */
interface Kind {
  readonly odds: readonly number[]
  /** Of the predefined odds. */
  readonly log: number
  /** What a block may ask for. */
  readonly most: { readonly log: number; readonly symbol: number }
}

const LITERALS: Kind = { odds: LITERAL_ODDS, log: 6, most: { log: 9, symbol: 35 } }
const DISTANCES: Kind = { odds: DISTANCE_ODDS, log: 5, most: { log: 8, symbol: 31 } }
const MATCHES: Kind = { odds: MATCH_ODDS, log: 6, most: { log: 9, symbol: 52 } }

const predefined = new Map<Kind, Decoding>()

/** The blocks of one frame: a block may use the tables of the one before it. */
export class BlockChecker {
  readonly #bytes: Uint8Array
  readonly #last = new Map<Kind, Decoding>()

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** @throws Error for a compressed block that is none */
  check(start: number, end: number): void {
    if (end > this.#bytes.length) throw corrupt()
    const input = new Forwards(this.#bytes, start, end)
    const literals = skipLiterals(input)
    if (literals > MOST_OF_A_BLOCK) throw corrupt()
    const count = countOf(input)
    if (count === 0) {
      if (input.at !== end) throw corrupt()
      return
    }
    const modes = input.byte()
    if ((modes & 3) !== 0) throw corrupt()
    const tables = [
      this.#table(LITERALS, modes >>> 6, input),
      this.#table(DISTANCES, (modes >>> 4) & 3, input),
      this.#table(MATCHES, (modes >>> 2) & 3, input),
    ] as const
    checkSequences(count, literals, tables, new Backwards(this.#bytes, input.at, end))
  }

  #table(kind: Kind, mode: number, input: Forwards): Decoding {
    const table = mode === 3 ? this.#last.get(kind) : tableOf(kind, mode, input)
    if (table === undefined) throw corrupt()
    this.#last.set(kind, table)
    return table
  }
}

function corrupt(): Error {
  return new Error('A zstd block that cannot be read.')
}

function checkSequences(
  count: number,
  literals: number,
  [literalTable, distanceTable, matchTable]: readonly [Decoding, Decoding, Decoding],
  bits: Backwards,
): void {
  let literalState = bits.take(literalTable.log)
  let distanceState = bits.take(distanceTable.log)
  let matchState = bits.take(matchTable.log)
  let copied = 0
  let repeated = 0
  for (let i = count; i > 0; i--) {
    const literalCode = literalTable.symbols[literalState] as number
    const matchCode = matchTable.symbols[matchState] as number
    // How far back does not matter here: what lies before the beginning reads as nothing.
    bits.skip(distanceTable.symbols[distanceState] as number)
    repeated += (MATCH_BASES[matchCode] as number) + bits.take(MATCH_BITS[matchCode] as number)
    copied += (LITERAL_BASES[literalCode] as number) + bits.take(LITERAL_BITS[literalCode] as number)
    if (copied > literals || literals + repeated > MOST_OF_A_BLOCK) throw corrupt()
    if (i === 1) break
    literalState = (literalTable.bases[literalState] as number) + bits.take(literalTable.bits[literalState] as number)
    matchState = (matchTable.bases[matchState] as number) + bits.take(matchTable.bits[matchState] as number)
    distanceState =
      (distanceTable.bases[distanceState] as number) + bits.take(distanceTable.bits[distanceState] as number)
  }
  if (bits.left !== 0) throw corrupt()
}

/** How many literals there are; the input stands behind them. */
function skipLiterals(input: Forwards): number {
  const first = input.byte()
  const form = (first >>> 2) & 3
  if ((first & 3) < 2) {
    const more = (form & 1) === 0 ? 0 : form === 1 ? 1 : 2
    const size = more === 0 ? first >>> 3 : (first >>> 4) | (input.little(more) << 4)
    // As they are, or one byte for all of them.
    input.skip((first & 3) === 0 ? size : 1)
    return size
  }
  const bits = form < 2 ? 10 : form === 2 ? 14 : 18
  const rest = input.little(form < 2 ? 2 : form + 1)
  const mask = 2 ** bits
  // The sum of both has up to 36 bits.
  const both = rest * 16 + (first >>> 4)
  input.skip(Math.floor(both / mask))
  return both % mask
}

function countOf(input: Forwards): number {
  const first = input.byte()
  if (first < 128) return first
  return first < 255 ? ((first - 128) << 8) + input.byte() : input.little(2) + 0x7f00
}

function tableOf(kind: Kind, mode: number, input: Forwards): Decoding {
  if (mode === 0) {
    const known = predefined.get(kind) ?? decodingOf(kind.odds, kind.log)
    predefined.set(kind, known)
    return known
  }
  if (mode === 2) return readTable(kind, input)
  // One code for all: no bits lead from it to itself.
  const symbol = input.byte()
  if (symbol > kind.most.symbol) throw corrupt()
  return { log: 0, symbols: Uint8Array.of(symbol), bits: Uint8Array.of(0), bases: Uint16Array.of(0) }
}

/** The odds of the codes as a block tells them (RFC 8878, 4.1.1). */
function readTable({ most }: Kind, input: Forwards): Decoding {
  const log = input.bits(4) + 5
  if (log > most.log) throw corrupt()
  const odds: number[] = []
  for (let left = 1 << log; left > 0; ) {
    if (odds.length > most.symbol) throw corrupt()
    const width = 32 - Math.clz32(left + 1)
    const small = (1 << (width - 1)) - 1
    const spared = (1 << width) - 2 - left
    let value = input.bits(width - 1)
    // What can do with a bit less does.
    if (value >= spared) {
      value |= input.bits(1) << (width - 1)
      if (value > small) value -= spared
    }
    const share = value - 1
    odds.push(share)
    left -= Math.abs(share)
    if (left < 0) throw corrupt()
    if (share !== 0) continue
    for (let repeats = 3; repeats === 3; ) {
      repeats = input.bits(2)
      for (let i = 0; i < repeats; i++) odds.push(0)
    }
  }
  if (odds.length > most.symbol + 1) throw corrupt()
  input.align()
  return decodingOf(odds, log)
}

function decodingOf(odds: readonly number[], log: number): Decoding {
  const size = 1 << log
  const symbols = symbolsByState(odds, size)
  const next = odds.map(Math.abs)
  const bits = new Uint8Array(size)
  const bases = new Uint16Array(size)
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state] as number
    const turn = next[symbol] as number
    next[symbol] = turn + 1
    const count = log - (31 - Math.clz32(turn))
    bits[state] = count
    bases[state] = (turn << count) - size
  }
  return { log, symbols, bits, bases }
}

/** Bytes, and bits of them the lowest first. */
class Forwards {
  readonly #bytes: Uint8Array
  readonly #end: number
  at: number
  #bit = 0

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes
    this.at = start
    this.#end = end
  }

  byte(): number {
    if (this.at >= this.#end) throw corrupt()
    return this.#bytes[this.at++] as number
  }

  little(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++) value += this.byte() * 256 ** i
    return value
  }

  skip(count: number): void {
    this.at += count
    if (this.at > this.#end) throw corrupt()
  }

  bits(count: number): number {
    let value = 0
    for (let i = 0; i < count; i++) {
      if (this.at >= this.#end) throw corrupt()
      value |= (((this.#bytes[this.at] as number) >>> this.#bit) & 1) << i
      this.#bit += 1
      if (this.#bit < 8) continue
      this.#bit = 0
      this.at += 1
    }
    return value
  }

  /** To the next whole byte. */
  align(): void {
    if (this.#bit > 0) this.at += 1
    this.#bit = 0
  }
}

/** Bits from the end; the last 1 says where that is. */
class Backwards {
  readonly #bytes: Uint8Array
  readonly #start: number
  left: number

  constructor(bytes: Uint8Array, start: number, end: number) {
    const last = end > start ? (bytes[end - 1] as number) : 0
    if (last === 0) throw corrupt()
    this.#bytes = bytes
    this.#start = start
    this.left = (end - start) * 8 - (Math.clz32(last) - 24) - 1
  }

  skip(count: number): void {
    this.left -= count
    if (this.left < 0) throw corrupt()
  }

  /** Up to 16 of them. */
  take(count: number): number {
    this.skip(count)
    const bytes = this.#bytes
    const place = this.#start + (this.left >>> 3)
    const word = (bytes[place] as number) | ((bytes[place + 1] ?? 0) << 8) | ((bytes[place + 2] ?? 0) << 16)
    return (word >>> (this.left & 7)) & ((1 << count) - 1)
  }
}
