import type { MessageId } from '../../course/i18n/catalog.ts'
import type { State } from '../state.ts'
import { EMPTY, fit, type Line, span, width } from '../term/text.ts'
import type { ViewContext } from './context.ts'
import { heading, type Page } from './frame.ts'

type Entry = readonly [keys: string, does: MessageId]

const EVERYWHERE: readonly Entry[] = [
  ['1 2 3 …', 'help.digits'],
  ['↑ ↓  j k', 'help.move'],
  ['Tab  Shift-Tab', 'key.views'],
  ['Esc', 'key.back'],
  ['q', 'key.leave'],
  ['Ctrl-C', 'key.quit'],
]

const LESSON: readonly Entry[] = [
  ['→ l  ← h', 'key.step'],
  ['}  {', 'key.beat'],
  ['Space  .', 'key.play'],
  ['+  -', 'key.speed'],
  ['u', 'key.undo'],
  ['r', 'key.reset'],
  ['i', 'key.hint'],
  ['s', 'key.solution'],
]

const SANDBOX: readonly Entry[] = [
  ['p  P', 'key.produce'],
  ['c', 'key.consumer'],
  ['k', 'help.kill'],
  ['s', 'help.stop'],
  ['f', 'help.freeze'],
  ['g  n  d', 'help.groups'],
  ['a', 'help.all-groups'],
  ['n w m u k', 'help.transactions'],
  ['↑ ↓  PgUp PgDn', 'help.select'],
  ['x', 'help.crash'],
  ['b', 'help.restart'],
  ['t  h', 'help.links'],
  ['Space  .', 'help.pause'],
  ['+  -  r', 'help.speed'],
]

export function helpPage(state: State, context: ViewContext): Page {
  const { t } = context
  const own = state.screen === 'lesson' ? LESSON : state.screen === 'sandbox' ? SANDBOX : []
  const inSandbox = state.screen === 'sandbox'
  // `k` kills a consumer there, the arrows choose, and Esc leaves as q does.
  const notThere: readonly MessageId[] = inSandbox ? ['help.move', 'key.back'] : []
  return {
    title: [span(t('help.title'), 'plain', true)],
    body: () => [
      // The sandbox has the most keys: all of them fit into 24 rows.
      ...(inSandbox ? [] : [EMPTY]),
      ...EVERYWHERE.filter(([, does]) => !notThere.includes(does)).map((entry) => helpLine(entry, context)),
      ...(inSandbox ? [] : [EMPTY]),
      ...(own.length > 0 ? [heading(t(state.screen === 'lesson' ? 'home.lessons' : 'home.sandbox'), context)] : []),
      ...own.map((entry) => helpLine(entry, context)),
    ],
    keys: [{ keys: 'Esc', does: t('key.close') }],
  }
}

function helpLine([keys, does]: Entry, { t, glyphs }: ViewContext): Line {
  const shown = keys
    .replaceAll('→', glyphs.right)
    .replaceAll('←', glyphs.left)
    .replaceAll('↑', glyphs.up)
    .replaceAll('↓', glyphs.down)
    .replaceAll('…', glyphs.ellipsis)
  return [span(`   ${fit(shown, Math.max(16, width(shown)))}  `, 'accent', true), span(t(does))]
}
