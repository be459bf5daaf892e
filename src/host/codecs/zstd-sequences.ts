/**
 * The sequences of a zstd block (RFC 8878, 3.1.1.3.2): how many literals, how far back, how long, each a code and bits of its
 * own, the codes in finite state entropy over the predefined distributions. They are written backwards, since they are read from the end.
 */
import type { BytesOut } from './bytes-out.ts'
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

export class Sequences {
  readonly #values: [literals: number, distance: number, length: number][] = []

  add(literals: number, distance: number, length: number): void {
    this.#values.push([literals, distance, length])
  }

  write(out: BytesOut): void {
    const count = this.#values.length
    if (count < 128) out.byte(count)
    else if (count < 0x7f00) {
      out.byte((count >>> 8) + 128)
      out.byte(count & 0xff)
    } else {
      out.byte(255)
      out.little(count - 0x7f00, 2)
    }
    if (count === 0) return
    // The three kinds of code are in their predefined tables.
    out.byte(0)
    writeBackwards(this.#values, out)
  }
}

function writeBackwards(values: readonly (readonly [number, number, number])[], out: BytesOut): void {
  tables ??= [encodingOf(LITERAL_ODDS, 6), encodingOf(DISTANCE_ODDS, 5), encodingOf(MATCH_ODDS, 6)]
  const bits = new Bits(out)
  const [literalStates, distanceStates, matchStates] = tables.map((table) => new State(table, bits)) as [
    State,
    State,
    State,
  ]
  for (let i = values.length - 1; i >= 0; i--) {
    const [literals, distance, length] = values[i] as readonly [number, number, number]
    const literalCode = codeOf(LITERAL_BASES, literals)
    const matchCode = codeOf(MATCH_BASES, length)
    // 1 to 3 stand for distances used before, which this writer leaves alone.
    const value = distance + 3
    const distanceCode = 31 - Math.clz32(value)
    distanceStates.code(distanceCode)
    matchStates.code(matchCode)
    literalStates.code(literalCode)
    bits.add(literals - (LITERAL_BASES[literalCode] as number), LITERAL_BITS[literalCode] as number)
    bits.add(length - (MATCH_BASES[matchCode] as number), MATCH_BITS[matchCode] as number)
    bits.add(value - (1 << distanceCode), distanceCode)
  }
  matchStates.end()
  distanceStates.end()
  literalStates.end()
  bits.end()
}

/** The last code whose base is not above the value. */
function codeOf(bases: readonly number[], value: number): number {
  let low = 0
  let high = bases.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if ((bases[middle] as number) <= value) low = middle
    else high = middle - 1
  }
  return low
}

interface Encoding {
  readonly log: number
  /** Next states, those of one symbol side by side. */
  readonly states: Uint16Array
  /** By symbol: with the state added, how many bits leave it, in the upper half. */
  readonly bits: Int32Array
  /** By symbol: what leads from the rest of a state to its place in `states`. */
  readonly places: Int32Array
}

let tables: readonly Encoding[] | undefined

function encodingOf(odds: readonly number[], log: number): Encoding {
  const size = 1 << log
  const spread = symbolsByState(odds, size)
  const next = new Int32Array(odds.length)
  const bits = new Int32Array(odds.length)
  const places = new Int32Array(odds.length)
  let total = 0
  for (const [symbol, given] of odds.entries()) {
    const share = Math.abs(given)
    const most = share === 1 ? log : log - (31 - Math.clz32(share - 1))
    bits[symbol] = (most << 16) - (share << most)
    places[symbol] = total - share
    next[symbol] = total
    total += share
  }
  const states = new Uint16Array(size)
  for (let state = 0; state < size; state++) {
    const symbol = spread[state] as number
    const place = next[symbol] as number
    states[place] = size + state
    next[symbol] = place + 1
  }
  return { log, states, bits, places }
}

class State {
  readonly #encoding: Encoding
  readonly #bits: Bits
  #state = -1

  constructor(encoding: Encoding, bits: Bits) {
    this.#encoding = encoding
    this.#bits = bits
  }

  code(symbol: number): void {
    const { states, bits, places } = this.#encoding
    const delta = bits[symbol] as number
    const place = places[symbol] as number
    if (this.#state < 0) {
      // Where reading ends: any state of the symbol would do.
      const count = (delta + (1 << 15)) >> 16
      this.#state = states[(((count << 16) - delta) >> count) + place] as number
      return
    }
    const count = (this.#state + delta) >> 16
    this.#bits.add(this.#state & ((1 << count) - 1), count)
    this.#state = states[(this.#state >> count) + place] as number
  }

  end(): void {
    this.#bits.add(this.#state & ((1 << this.#encoding.log) - 1), this.#encoding.log)
  }
}

/** Bits, the lowest of a byte first. */
class Bits {
  readonly #out: BytesOut
  #held = 0
  #count = 0

  constructor(out: BytesOut) {
    this.#out = out
  }

  add(value: number, count: number): void {
    let left = count
    let rest = value
    while (left > 0) {
      const taken = Math.min(left, 8 - this.#count)
      this.#held |= (rest & ((1 << taken) - 1)) << this.#count
      this.#count += taken
      rest >>>= taken
      left -= taken
      if (this.#count < 8) continue
      this.#out.byte(this.#held)
      this.#held = 0
      this.#count = 0
    }
  }

  /** A last 1 says where the bits end. */
  end(): void {
    this.add(1, 1)
    if (this.#count > 0) this.#out.byte(this.#held)
  }
}
