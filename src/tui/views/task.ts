/** The task: the log, the goals with their marks, the moves with their numbers, and what to say about the last one. */

import { proseOf } from '../../course/library.ts'
import { isStory } from '../../course/recorder.ts'
import { memberNames, sentence } from '../../course/sentences.ts'
import { logStrip } from '../models/log-strip.ts'
import { EMPTY, fit, type Line, span, type Tone, wrap } from '../term/text.ts'
import { beside, heading, indent, type KeyHint } from './frame.ts'
import { type LessonView, prose } from './lesson-view.ts'
import { legendLines, logStripLines } from './log-strip.ts'
import { proseSpans } from './prose.ts'

export function taskLines(view: LessonView, rows: number): Line[] {
  const { current, loaded, context } = view
  const frames = current.task.play?.frames ?? []
  const statement = [...prose(view, 'task'), EMPTY]
  const strip = logStripLines(logStrip(loaded.lesson.stage, frames, frames.length), context)
  const gap = 3
  const left = Math.floor((context.columns - gap) / 2)
  const board = beside(goalLines(view, left), moveLines(view, context.columns - left - gap), left, gap)
  const told = messages(view)
  const [first = [], ...others] = told
  const message = first.length > 0 ? [EMPTY, ...first] : []
  const needed = strip.length + message.length + 1 + board.length
  // The most urgent message always stands beside the log; where room is short it takes the place of the statement.
  const roomy = needed + statement.length <= rows || told.length === 0
  const lines = [...(roomy ? statement : []), ...strip, ...message, EMPTY, ...board]
  for (const other of others) if (lines.length + 1 + other.length <= rows) lines.push(EMPTY, ...other)
  // Where there is room, say what the marks mean and what the last move did.
  const spare = rows - lines.length
  if (spare < 6) return spare > 0 ? [EMPTY, ...lines] : lines
  return [EMPTY, ...lines, EMPTY, ...legendLines(context), ...recentEvents(view, spare - 4)]
}

function goalLines(view: LessonView, columns: number): Line[] {
  const { state, current, loaded, context } = view
  const { t, glyphs } = context
  const lines: Line[] = [[span(` ${t('task.goals')}`, 'plain', true)]]
  for (const goal of loaded.lesson.task.goals) {
    const status = current.task.play?.goals.find((candidate) => candidate.id === goal.id)?.status ?? 'open'
    const mark = status === 'pass' ? glyphs.done : status === 'fail' ? glyphs.broken : glyphs.open
    const tone: Tone = status === 'pass' ? 'good' : status === 'fail' ? 'bad' : 'muted'
    const text = proseSpans(proseOf(loaded, state.locale, `goal.${goal.id}`))
    for (const [row, line] of wrap(text, columns - 4).entries()) {
      lines.push([span(row === 0 ? ` ${mark}  ` : '    ', tone, true), ...line])
    }
  }
  return lines
}

function moveLines(view: LessonView, columns: number): Line[] {
  const { state, current, loaded, context } = view
  const { t } = context
  const lines: Line[] = [[span(t('task.moves'), 'plain', true)]]
  for (const [index, move] of loaded.lesson.task.moves.entries()) {
    const blocked = current.task.play?.blocked[move.id] !== undefined
    const text = proseSpans(proseOf(loaded, state.locale, `move.${move.id}`))
    for (const [row, line] of wrap(text, columns - 4).entries()) {
      const shown = blocked ? line.map((part) => ({ ...part, tone: 'muted' as const })) : line
      lines.push([span(row === 0 ? `${index + 1}  ` : '   ', blocked ? 'muted' : 'accent', !blocked), ...shown])
    }
  }
  return lines
}

/** What there is to say about the task just now, the most urgent first. */
function messages(view: LessonView): Line[][] {
  const { state, current, loaded, context } = view
  const { t, columns, glyphs } = context
  const { task } = current
  const { moves, solution, hints } = loaded.lesson.task
  const say = (text: string, tone: Tone, bold = false) => indent(wrap([span(text, tone, bold)], columns - 2), 1)
  const spansOf = (block: string) => proseSpans(proseOf(loaded, state.locale, block))
  const hanging = (mark: string, tone: Tone, text: Line) =>
    wrap(text, columns - 5).map((line, row): Line => [span(row === 0 ? ` ${mark}  ` : '    ', tone, true), ...line])
  if (task.play === null) return [say(t('task.working'), 'muted')]
  if (task.play.verdict === 'could-not-check') {
    return [say(t('task.could-not-check', { error: task.play.error ?? '' }), 'warn')]
  }
  if (task.solution === 'ask') return [say(t('task.solution.confirm'), 'warn')]
  if (task.solution === 'shown') {
    const numbers = solution.map((id) => moves.findIndex((move) => move.id === id) + 1)
    return [say(t('task.solution', { moves: numbers.join(', ') }), 'accent')]
  }
  if (task.refused?.kind === 'nothing-to-undo') return [say(t('task.undo.none'), 'muted')]
  if (task.refused?.kind === 'blocked') {
    const reason = spansOf(`blocked.${task.refused.reason}`)
    return [say(t('task.blocked', { reason: reason.map((part) => part.text).join('') }), 'warn')]
  }
  const result: Line[][] = []
  if (task.play.verdict === 'pass') {
    result.push(hanging(glyphs.done, 'good', [span(t('task.solved', { count: task.play.moves.length }), 'good', true)]))
  }
  if (task.play.mistake !== null) {
    result.push(hanging(glyphs.broken, 'warn', spansOf(`mistake.${task.play.mistake}`)))
  }
  const last = moves.find((move) => move.id === task.play?.moves.at(-1))
  if (last) result.push([[span(` ${t('task.last')}  `, 'muted'), span(last.code, 'accent')]])
  if (task.hints === 0) return result
  const label = span(`${t('task.hint', { number: task.hints, total: hints })}  `, 'accent', true)
  const hint = indent(wrap([label, ...spansOf(`hint.${task.hints}`)], columns - 2), 1)
  return task.tells === 'hint' ? [hint, ...result] : [...result, hint]
}

/** What the last move made happen. */
function recentEvents(view: LessonView, rows: number): Line[] {
  const { current, context } = view
  const { t, columns, glyphs } = context
  const { play } = current.task
  if (!play || rows < 3) return []
  const names = memberNames(play.frames.map((frame) => frame.event))
  const events = play.frames.slice(play.movedAt.at(-1) ?? 0).filter((frame) => isStory(frame.event))
  const shown = events.slice(-(rows - 2))
  return [
    EMPTY,
    heading(t('sandbox.events'), context),
    ...shown.map(
      (frame): Line => [span(`   ${fit(sentence(frame.event, names, t), columns - 4, glyphs.ellipsis)}`, 'muted')],
    ),
  ]
}

export function taskKeys({ current, loaded, context }: LessonView): KeyHint[] {
  const { t } = context
  if (current.task.solution === 'shown') {
    return [
      { keys: 'Enter', does: t('key.yes') },
      { keys: 'Esc', does: t('key.close') },
    ]
  }
  const next = current.task.play?.verdict === 'pass' ? [{ keys: 'n', does: t('key.next') }] : []
  return [
    ...next,
    { keys: `1-${loaded.lesson.task.moves.length}`, does: t('key.choose') },
    { keys: 'u', does: t('key.undo') },
    { keys: 'r', does: t('key.reset') },
    { keys: 'i', does: t('key.hint') },
    { keys: 's', does: t('key.solution') },
    { keys: 'Tab', does: t('key.views') },
  ]
}
