/** Bytes that come out of a codec one after the other, up to a limit. */

/** More came out than anybody should want to hold: a few bytes can stand for gigabytes. */
export class TooLongError extends Error {
  constructor(limit: number) {
    super(`What is compressed there has more than ${limit} bytes.`)
    this.name = 'TooLongError'
  }
}

export class BytesOut {
  bytes: Uint8Array
  length = 0
  readonly #limit: number

  constructor(expected: number, limit = 2 ** 31 - 1) {
    this.#limit = limit
    this.bytes = new Uint8Array(Math.min(Math.max(expected, 64), limit))
  }

  /** Makes room for so many bytes more. */
  reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.bytes.length) return
    if (needed > this.#limit) throw new TooLongError(this.#limit)
    const grown = new Uint8Array(Math.min(Math.max(needed, this.bytes.length * 2), this.#limit))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  /** Little-endian, so many bytes of it. */
  little(value: number, count: number): void {
    for (let i = 0; i < count; i++) this.byte((value >>> (8 * i)) & 0xff)
  }

  big32(value: number): void {
    for (let shift = 24; shift >= 0; shift -= 8) this.byte((value >>> shift) & 0xff)
  }

  put(source: Uint8Array, from = 0, to = source.length): void {
    this.reserve(to - from)
    this.bytes.set(from === 0 && to === source.length ? source : source.subarray(from, to), this.length)
    this.length += to - from
  }

  /** Repeats what came out `distance` bytes ago; both may overlap. */
  repeat(distance: number, count: number, from = 0): void {
    if (distance <= 0 || distance > this.length - from)
      throw new Error(`A repeat of what lies ${distance} bytes back, before the beginning.`)
    this.reserve(count)
    const { bytes } = this
    let at = this.length
    if (distance >= count) bytes.copyWithin(at, at - distance, at - distance + count)
    else for (const end = at + count; at < end; at++) bytes[at] = bytes[at - distance] as number
    this.length += count
  }

  taken(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }
}
