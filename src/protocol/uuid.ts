/** Kafka's text form of a UUID (Uuid.java): the sixteen bytes as base64url without padding, 22 characters. */

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The 22 characters for the sixteen bytes from `position` on. The caller has checked that they are there. */
export function uuidToString(bytes: Uint8Array, position = 0): string {
  let text = ''
  for (let i = 0; i < 15; i += 3) {
    const at = position + i
    const group = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
    text += DIGITS[group >> 18]! + DIGITS[(group >> 12) & 63]! + DIGITS[(group >> 6) & 63]! + DIGITS[group & 63]!
  }
  const last = bytes[position + 15]!
  return text + DIGITS[last >> 2]! + DIGITS[(last & 3) << 4]!
}

/**
 * Writes the sixteen bytes of a UUID's text form into `out`.
 * Returns false, and writes nothing of use, when the text is not 22 characters of base64url for sixteen bytes.
 */
export function writeUuid(text: string, out: Uint8Array, position: number): boolean {
  if (text.length !== 22) return false
  let bits = 0
  let have = 0
  let at = position
  for (let i = 0; i < 22; i++) {
    const value = digit(text.charCodeAt(i))
    if (value < 0) return false
    bits = ((bits << 6) | value) & 0xffff
    have += 6
    if (have >= 8) {
      have -= 8
      out[at++] = (bits >> have) & 0xff
    }
  }
  // Four bits remain of 22 × 6 − 16 × 8; another value than zero would name the same UUID by a second text.
  return (bits & 15) === 0
}

function digit(unit: number): number {
  if (unit >= 65 && unit <= 90) return unit - 65
  if (unit >= 97 && unit <= 122) return unit - 71
  if (unit >= 48 && unit <= 57) return unit + 4
  if (unit === 45) return 62
  return unit === 95 ? 63 : -1
}
