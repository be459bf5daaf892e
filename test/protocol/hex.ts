/** Bytes as readable text and back. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function unhex(text: string): Uint8Array {
  return new Uint8Array((text.replaceAll(' ', '').match(/../g) ?? []).map((digits) => Number.parseInt(digits, 16)))
}
