import { describe, expect, test } from 'vitest'
import { parseMarkdown } from '../../src/course/markdown.ts'
import { parseProse, sourceHash, staleBlocks } from '../../src/course/prose.ts'

describe('prose blocks', () => {
  test('a file is cut at its headers', () => {
    const blocks = parseProse(
      '<!-- block: a -->\nText of a.\n\nMore.\n\n<!-- block: b.c source-hash: 00ff00ff -->\nB\n',
    )
    expect([...blocks.values()]).toEqual([
      { id: 'a', text: 'Text of a.\n\nMore.', sourceHash: null },
      { id: 'b.c', text: 'B', sourceHash: '00ff00ff' },
    ])
  })

  test('Windows line ends change nothing', () => {
    expect(parseProse('<!-- block: a -->\r\nText\r\n').get('a')?.text).toBe('Text')
  })

  test('a file that does not parse says where', () => {
    expect(() => parseProse('lost\n<!-- block: a -->\n')).toThrow('prose before the first block: "lost"')
    expect(() => parseProse('<!-- block: a -->\n<!-- block: a -->\n')).toThrow('block "a" occurs twice')
  })

  test('a translation is stale when its source has changed, not when it was only wrapped anew', () => {
    const hash = sourceHash('one two')
    const translation = parseProse(`<!-- block: a source-hash: ${hash} -->\n하나 둘\n<!-- block: gone -->\nx`)
    expect(staleBlocks(parseProse('<!-- block: a -->\none\ntwo'), translation)).toEqual([
      { id: 'gone', problem: 'extra', hash: '' },
    ])
    const problems = staleBlocks(parseProse('<!-- block: a -->\none three\n<!-- block: b -->\nB'), translation)
    expect(problems.map(({ id, problem }) => `${id} ${problem}`)).toEqual(['a stale', 'b missing', 'gone extra'])
  })
})

describe('markdown', () => {
  test('the subset lessons use', () => {
    const blocks = parseMarkdown(
      'A **b** `c<d>` \\*e\n\n- one\n- two\n\n| x | y |\n|---|---|\n| 1 | `2` |\n\n```\ncode\n```',
    )
    expect(blocks).toEqual([
      {
        type: 'paragraph',
        content: [
          { text: 'A ', style: 'plain' },
          { text: 'b', style: 'strong' },
          { text: ' ', style: 'plain' },
          { text: 'c<d>', style: 'code' },
          { text: ' ', style: 'plain' },
          { text: '*', style: 'plain' },
          { text: 'e', style: 'plain' },
        ],
      },
      { type: 'list', ordered: false, items: [[{ text: 'one', style: 'plain' }], [{ text: 'two', style: 'plain' }]] },
      {
        type: 'table',
        header: [[{ text: 'x', style: 'plain' }], [{ text: 'y', style: 'plain' }]],
        rows: [[[{ text: '1', style: 'plain' }], [{ text: '2', style: 'code' }]]],
      },
      { type: 'code', lines: ['code'] },
    ])
  })

  test('what is not used is an error, never dropped silently', () => {
    expect(() => parseMarkdown('> quote')).toThrow('"blockquote" is not supported')
    expect(() => parseMarkdown('![x](y)')).toThrow('"image" is not supported')
  })
})
