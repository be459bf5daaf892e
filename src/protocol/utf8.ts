/**
 * UTF-8 without TextEncoder and TextDecoder, which not every ES2022 host has. Both directions agree with
 * them: a lone surrogate is written as U+FFFD, a malformed sequence is read as U+FFFD.
 */

const REPLACEMENT = 0xfffd
const CHUNK = 4096

/** The number of bytes `text` takes. */
export function utf8Length(text: string): number {
  const units = text.length
  let bytes = units
  for (let i = 0; i < units; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) continue
    if (unit < 0x800) bytes += 1
    else {
      bytes += 2
      // A pair is four bytes for two units; a lone surrogate is three for one.
      if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text, i + 1)) i++
    }
  }
  return bytes
}

/**
 * Writes `text` into `out` from `position` on and returns the position after it.
 * The caller has made sure of `utf8Length(text)` bytes of room.
 */
export function writeUtf8(text: string, out: Uint8Array, position: number): number {
  const units = text.length
  let to = position
  for (let i = 0; i < units; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) {
      out[to++] = unit
    } else if (unit < 0x800) {
      out[to++] = 0xc0 | (unit >> 6)
      out[to++] = 0x80 | (unit & 0x3f)
    } else if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text, i + 1)) {
      const point = 0x10000 + ((unit - 0xd800) << 10) + (text.charCodeAt(++i) - 0xdc00)
      out[to++] = 0xf0 | (point >> 18)
      out[to++] = 0x80 | ((point >> 12) & 0x3f)
      out[to++] = 0x80 | ((point >> 6) & 0x3f)
      out[to++] = 0x80 | (point & 0x3f)
    } else {
      const point = unit >= 0xd800 && unit < 0xe000 ? REPLACEMENT : unit
      out[to++] = 0xe0 | (point >> 12)
      out[to++] = 0x80 | ((point >> 6) & 0x3f)
      out[to++] = 0x80 | (point & 0x3f)
    }
  }
  return to
}

/**
 * Writes `text` if it is ASCII. Returns the position after it, or -1 when it is not
 * (what was written is then garbage the caller overwrites).
 */
export function writeAscii(text: string, out: Uint8Array, position: number): number {
  const units = text.length
  // One look at the end instead of one a character: a text that is not ASCII is written twice, all others faster.
  let all = 0
  for (let i = 0; i < units; i++) {
    const unit = text.charCodeAt(i)
    all |= unit
    out[position + i] = unit
  }
  return all < 0x80 ? position + units : -1
}

/** `text` as UTF-8. */
export function encodeUtf8(text: string): Uint8Array {
  const out = new Uint8Array(utf8Length(text))
  writeUtf8(text, out, 0)
  return out
}

/** The text of `bytes` from `start` to `end`. Never fails: what is no UTF-8 becomes U+FFFD. */
export function decodeUtf8(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  let all = 0
  for (let i = start; i < end; i++) all |= bytes[i]!
  return all < 0x80 ? decodeAscii(bytes, start, end) : decodeAny(bytes, start, end)
}

function decodeAscii(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= 16) {
    let text = ''
    for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!)
    return text
  }
  let text = ''
  for (let i = start; i < end; i += CHUNK) text += fromUnits(bytes.subarray(i, Math.min(i + CHUNK, end)))
  return text
}

function decodeAny(bytes: Uint8Array, start: number, end: number): string {
  const units = new Uint16Array(CHUNK)
  let text = ''
  let count = 0
  let i = start
  while (i < end) {
    if (count >= CHUNK - 1) {
      text += fromUnits(units.subarray(0, count))
      count = 0
    }
    const lead = bytes[i++]!
    if (lead < 0x80) {
      units[count++] = lead
      continue
    }
    // The second byte's bounds exclude overlong forms, surrogates and points above U+10FFFF (Unicode, table 3-7).
    let more = 0
    let low = 0x80
    let high = 0xbf
    let point = 0
    if (lead >= 0xc2 && lead <= 0xdf) {
      more = 1
      point = lead & 0x1f
    } else if (lead >= 0xe0 && lead <= 0xef) {
      more = 2
      point = lead & 0x0f
      if (lead === 0xe0) low = 0xa0
      if (lead === 0xed) high = 0x9f
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      more = 3
      point = lead & 0x07
      if (lead === 0xf0) low = 0x90
      if (lead === 0xf4) high = 0x8f
    } else {
      units[count++] = REPLACEMENT
      continue
    }
    while (more > 0 && i < end) {
      const byte = bytes[i]!
      if (byte < low || byte > high) break
      point = (point << 6) | (byte & 0x3f)
      low = 0x80
      high = 0xbf
      more--
      i++
    }
    if (more > 0) units[count++] = REPLACEMENT
    else if (point < 0x10000) units[count++] = point
    else {
      units[count++] = 0xd800 + ((point - 0x10000) >> 10)
      units[count++] = 0xdc00 + (point & 0x3ff)
    }
  }
  return text + fromUnits(units.subarray(0, count))
}

function fromUnits(units: Uint8Array | Uint16Array): string {
  // `apply` takes any array-like; its type says array.
  return String.fromCharCode.apply(null, units as unknown as number[])
}

function isLowSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index)
  return unit >= 0xdc00 && unit < 0xe000
}
