/** The small part of Markdown that lessons use, as data: `marked` reads it, the screen and the plain text lay it out. */
import { lexer, type Token, type Tokens } from 'marked'

export interface Inline {
  readonly text: string
  readonly style: 'plain' | 'strong' | 'em' | 'code' | 'link'
}

export type Block =
  | { readonly type: 'paragraph'; readonly content: readonly Inline[] }
  | { readonly type: 'heading'; readonly content: readonly Inline[] }
  | { readonly type: 'list'; readonly ordered: boolean; readonly items: readonly (readonly Inline[])[] }
  | { readonly type: 'code'; readonly lines: readonly string[] }
  | {
      readonly type: 'table'
      readonly header: readonly (readonly Inline[])[]
      readonly rows: readonly (readonly (readonly Inline[])[])[]
    }

/** Throws on Markdown this project does not use, so that no text is ever dropped silently. */
export function parseMarkdown(markdown: string): Block[] {
  return lexer(markdown).flatMap((token): Block[] => {
    switch (token.type) {
      case 'space':
        return []
      case 'paragraph':
        return [{ type: 'paragraph', content: inline(token.tokens) }]
      case 'heading':
        return [{ type: 'heading', content: inline(token.tokens) }]
      case 'list': {
        const list = token as Tokens.List
        return [{ type: 'list', ordered: list.ordered, items: list.items.map((item) => inline(item.tokens)) }]
      }
      case 'code':
        return [{ type: 'code', lines: (token as Tokens.Code).text.split('\n') }]
      case 'table': {
        const table = token as Tokens.Table
        return [
          {
            type: 'table',
            header: table.header.map((cell) => inline(cell.tokens)),
            rows: table.rows.map((row) => row.map((cell) => inline(cell.tokens))),
          },
        ]
      }
      default:
        throw new Error(`Markdown "${token.type}" is not supported in lessons: ${token.raw.slice(0, 40)}`)
    }
  })
}

function inline(tokens: readonly Token[] | undefined, style: Inline['style'] = 'plain'): Inline[] {
  return (tokens ?? []).flatMap((token): Inline[] => {
    switch (token.type) {
      case 'text':
        return token.tokens && token.tokens.length > 0
          ? inline(token.tokens, style)
          : [{ text: plainText(token.text).replaceAll('\n', ' '), style }]
      case 'escape':
        return [{ text: token.text, style }]
      case 'paragraph':
        return inline(token.tokens, style)
      case 'strong':
        return inline(token.tokens, 'strong')
      case 'em':
        return inline(token.tokens, 'em')
      case 'codespan':
        return [{ text: plainText(token.text), style: 'code' }]
      case 'br':
        return [{ text: ' ', style }]
      case 'link': {
        const text = inline(token.tokens, 'link')
        const shown = text.map((part) => part.text).join('')
        return shown === token.href ? text : [...text, { text: ` (${token.href})`, style: 'plain' }]
      }
      default:
        throw new Error(`Markdown "${token.type}" is not supported in lessons: ${token.raw.slice(0, 40)}`)
    }
  })
}

/** marked leaves text as it was written; only HTML entities may be left over from older versions. */
function plainText(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&')
}
