/** Glyphs of one column. Those a Korean terminal may draw two columns wide (stars, triangles, circles) are not used. */
export interface Glyphs {
  readonly rule: string
  readonly bar: string
  readonly barRest: string
  readonly side: string
  /** Cells of a replica's strip: committed, written, missing. */
  readonly full: string
  readonly half: string
  readonly hollow: string
  readonly topLeft: string
  readonly topRight: string
  readonly bottomLeft: string
  readonly bottomRight: string
  readonly bookmark: string
  /** Where readers of a log stop, between two of its cells. */
  readonly stop: string
  readonly done: string
  readonly broken: string
  readonly open: string
  readonly pointer: string
  readonly crumb: string
  readonly bullet: string
  readonly ellipsis: string
  readonly left: string
  readonly right: string
  readonly up: string
  readonly down: string
}

export const UNICODE: Glyphs = {
  rule: '─',
  bar: '━',
  barRest: '╌',
  side: '│',
  full: '█',
  half: '▒',
  hollow: '░',
  topLeft: '┌',
  topRight: '┐',
  bottomLeft: '└',
  bottomRight: '┘',
  bookmark: '┃',
  stop: '┃',
  done: '✓',
  broken: '✗',
  open: '-',
  pointer: '▸',
  crumb: '›',
  bullet: '•',
  ellipsis: '…',
  left: '←',
  right: '→',
  up: '↑',
  down: '↓',
}

export const ASCII: Glyphs = {
  rule: '-',
  bar: '=',
  barRest: '.',
  side: '|',
  full: '#',
  half: '+',
  hollow: '.',
  topLeft: '+',
  topRight: '+',
  bottomLeft: '+',
  bottomRight: '+',
  bookmark: '#',
  stop: '!',
  done: 'v',
  broken: 'x',
  open: 'o',
  pointer: '>',
  crumb: '>',
  bullet: '-',
  ellipsis: '~',
  left: '<-',
  right: '->',
  up: '^',
  down: 'v',
}
