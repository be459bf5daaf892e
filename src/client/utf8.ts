import { utf8Length, writeUtf8 } from '../protocol/utf8.ts'

export function encodeUtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(utf8Length(text))
  writeUtf8(text, bytes, 0)
  return bytes
}
