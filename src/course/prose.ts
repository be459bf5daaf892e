/**
 * A lesson's prose: one Markdown file a language, cut into blocks.
 *
 *   <!-- block: primer -->
 *   Text of the block.
 *
 * A translated block carries the hash of the English block it was made from, so that a test can say which blocks are
 * behind: `<!-- block: primer source-hash: 1a2b3c4d -->`.
 */

export interface ProseBlock {
  readonly id: string
  readonly text: string
  readonly sourceHash: string | null
}

const HEADER = /^<!--\s*block:\s*([\w.-]+)(?:\s+source-hash:\s*([0-9a-f]+))?\s*-->[ \t]*$/gm

/** The blocks of a file by id. Throws if an id occurs twice or text stands before the first block. */
export function parseProse(markdown: string): ReadonlyMap<string, ProseBlock> {
  const text = markdown.replaceAll('\r\n', '\n')
  const headers = [...text.matchAll(HEADER)]
  const before = text.slice(0, headers[0]?.index ?? text.length).trim()
  if (before !== '') throw new Error(`prose before the first block: "${before.slice(0, 40)}"`)
  const blocks = new Map<string, ProseBlock>()
  for (const [i, header] of headers.entries()) {
    const id = header[1] ?? ''
    if (blocks.has(id)) throw new Error(`block "${id}" occurs twice`)
    const start = header.index + header[0].length
    blocks.set(id, { id, text: text.slice(start, headers[i + 1]?.index).trim(), sourceHash: header[2] ?? null })
  }
  return blocks
}

/** The blocks whose translation is missing, behind the source, or no longer in the source. */
export function staleBlocks(
  source: ReadonlyMap<string, ProseBlock>,
  translation: ReadonlyMap<string, ProseBlock>,
): { readonly id: string; readonly problem: 'missing' | 'stale' | 'extra'; readonly hash: string }[] {
  const problems: { id: string; problem: 'missing' | 'stale' | 'extra'; hash: string }[] = []
  for (const { id, text } of source.values()) {
    const translated = translation.get(id)
    const hash = sourceHash(text)
    if (!translated) problems.push({ id, problem: 'missing', hash })
    else if (translated.sourceHash !== hash) problems.push({ id, problem: 'stale', hash })
  }
  for (const { id } of translation.values()) if (!source.has(id)) problems.push({ id, problem: 'extra', hash: '' })
  return problems
}

/** FNV-1a over the text with blanks and table rules evened out: re-wrapping a paragraph makes no translation stale. */
export function sourceHash(text: string): string {
  let hash = 0x811c9dc5
  for (const char of text.replace(/-{3,}/g, '---').replace(/\s+/g, ' ').trim()) {
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0
  }
  return hash.toString(16).padStart(8, '0')
}
