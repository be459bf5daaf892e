/** The past of a group: who owned what, and why that ended. */
import type { Translate } from '../../course/i18n/catalog.ts'
import { reasonText } from '../../course/sentences.ts'
import type { GenerationRow } from '../models/group.ts'
import { clock } from '../models/sandbox.ts'
import { type Line, span, wrap } from '../term/text.ts'
import { shortList } from './assignment.ts'
import type { ViewContext } from './context.ts'
import { heading, indent } from './frame.ts'
import { tableLines } from './table.ts'

export function generationLines(rows: readonly GenerationRow[], startedAt: number, context: ViewContext): Line[] {
  const { t, columns, glyphs } = context
  const head = heading(t('groups.history'), context)
  if (rows.length === 0) return [head, ...indent(wrap([span(t('groups.history.none'), 'muted')], columns - 4), 3)]
  const time = (at: number) => clock(at - startedAt)
  const topic = onlyTopic(rows)
  const table = tableLines(
    [
      {
        head: t('groups.generation'),
        cells: rows.map(({ generation }) => [span(String(generation), 'plain', true)]),
        right: true,
      },
      { head: t('groups.from'), cells: rows.map(({ began }) => [span(time(began))]), right: true },
      // The next one begins soon after it.
      {
        head: t('groups.to'),
        cells: rows.map(({ ended }) => [span(ended === null ? '' : time(ended))]),
        right: true,
        drop: 1,
      },
      {
        head: topic === null ? t('groups.owners') : t('groups.owners.of', { topic }),
        cells: rows.map((row) => [span(ownersText(row, topic, t))]),
        least: 20,
      },
      {
        head: t('groups.ended'),
        cells: rows.map(({ ended, endReason }) => [
          ended === null ? span(t('groups.goes-on'), 'good') : span(reasonText(endReason ?? '', t), 'muted'),
        ]),
        least: 14,
      },
    ],
    columns - 4,
    glyphs.ellipsis,
  )
  return [head, ...indent(table, 3)]
}

/** The topic of all these assignments; it need not be said in every row then. */
function onlyTopic(rows: readonly GenerationRow[]): string | null {
  const names = rows.flatMap(({ owners }) => owners.flatMap(({ partitions }) => partitions))
  const topics = new Set(names.map((name) => name.slice(0, name.lastIndexOf('-'))))
  const [first = null] = topics
  return topics.size === 1 ? first : null
}

function ownersText({ owners }: GenerationRow, topic: string | null, t: Translate): string {
  if (owners.length === 0) return t('groups.owners.none')
  const skipped = topic === null ? 0 : topic.length + 1
  return owners
    .map(({ client, partitions }) => {
      const text = partitions.length === 0 ? t('sandbox.idle') : shortList(partitions).slice(skipped)
      return `${client}: ${text}`
    })
    .join('  ')
}
