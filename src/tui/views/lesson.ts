/** The lesson's five phases, each a page. */
import type { MessageId } from '../../course/i18n/catalog.ts'
import { proseOf } from '../../course/library.ts'
import { CONFIDENCES } from '../../course/progress.ts'
import { memberNames, sentence } from '../../course/sentences.ts'
import { logStrip } from '../models/log-strip.ts'
import { PHASES } from '../state.ts'
import { EMPTY, fit, type Line, type Span, span, wrap } from '../term/text.ts'
import type { ViewContext } from './context.ts'
import { heading, indent, type KeyHint, type Page, windowOf } from './frame.ts'
import { type LessonView, prose } from './lesson-view.ts'
import { legendLines, logStripLines } from './log-strip.ts'
import { proseSpans } from './prose.ts'
import { taskKeys, taskLines } from './task.ts'

export function lessonPage(view: LessonView): Page {
  const { state, current, loaded } = view
  return {
    title: [
      span(`${loaded.lesson.number}  `, 'accent', true),
      span(proseOf(loaded, state.locale, 'title'), 'plain', true),
    ],
    status: phaseTabs(view),
    body: (rows) => {
      if (current.error !== null) return errorLines(current.error, view.context)
      const lines = bodyLines(view, rows)
      return windowOf(lines, rows, current.scroll)
    },
    below: (rows) => {
      const lines = bodyLines(view, rows).length
      return lines - rows - Math.max(0, Math.min(current.scroll, lines - rows))
    },
    keys: keysOf(view),
  }
}

/** All lines of the current phase; a page longer than the screen scrolls. */
export function bodyLines(view: LessonView, rows: number): readonly Line[] {
  switch (view.current.phase) {
    case 'read':
      return [EMPTY, ...prose(view, 'primer'), EMPTY, ...prose(view, 'picture')]
    case 'predict':
      return predictLines(view)
    case 'watch':
      return watchLines(view, rows)
    case 'do':
      return taskLines(view, rows)
    case 'look-back':
      return lookBackLines(view)
  }
}

function phaseTabs({ current, context }: LessonView): Line {
  return PHASES.flatMap((phase, index): Span[] => {
    const text = `${index + 1} ${context.t(`phase.${phase}` as MessageId)}`
    const here = phase === current.phase
    return [span(here ? `[${text}]` : ` ${text} `, here ? 'accent' : 'muted', here)]
  })
}

function errorLines(error: string, { t, columns }: ViewContext): Line[] {
  return [EMPTY, ...indent(wrap([span(t('app.failed', { error }), 'bad')], columns - 2), 1)]
}

function predictLines(view: LessonView): Line[] {
  const { state, current, loaded, context } = view
  const { t } = context
  const lines: Line[] = [EMPTY, ...prose(view, 'predict'), EMPTY]
  const choiceText = (id: string) => proseSpans(proseOf(loaded, state.locale, `choice.${id}`))
  const saved = state.progress.lessons[current.id]?.prediction
  const choice = current.choice ?? saved?.choice ?? null
  for (const [index, id] of loaded.lesson.prediction.choices.entries()) {
    lines.push(numbered(index + 1, choiceText(id), id === choice, choice === null, context))
  }
  lines.push(EMPTY)
  if (current.choice !== null) {
    lines.push([span(' '), span(t('predict.confidence'), 'plain', true)], EMPTY)
    for (const [index, id] of CONFIDENCES.entries()) {
      lines.push(numbered(index + 1, [span(t(`confidence.${id}`))], false, true, context))
    }
  } else if (saved) {
    const confidence = t(`confidence.${saved.confidence}`)
    const yours = choiceText(saved.choice).map((part) => part.text)
    lines.push([span(` ${t('predict.yours', { choice: yours.join(''), confidence })}`)], EMPTY)
    lines.push([span(` ${t('predict.saved')}`, 'accent', true)], [span(` ${t('predict.again')}`, 'muted')])
  }
  return lines
}

function numbered(number: number, text: Line, chosen: boolean, live: boolean, { glyphs }: ViewContext): Line {
  return [
    span(chosen ? ` ${glyphs.pointer} ` : '   ', 'accent', true),
    span(`${number}  `, live || chosen ? 'accent' : 'muted', live || chosen),
    ...text.map((part) => ({ ...part, ...(chosen ? { bold: true } : {}) })),
  ]
}

function watchLines(view: LessonView, rows: number): Line[] {
  const { current, loaded, context } = view
  const { t, columns, glyphs } = context
  const { recording, steps, at } = current.watch
  if (!recording) return [EMPTY, [span(` ${t('app.loading')}`, 'muted')]]
  const frames = recording.frames
  const atEnd = at > steps.length
  const count = at === 0 ? 0 : atEnd ? frames.length : (steps[at - 1] ?? 0) + 1
  const strip = [
    ...logStripLines(logStrip(loaded.lesson.stage, frames, count), context),
    EMPTY,
    ...legendLines(context),
  ]
  const caption = captionLines(view, atEnd ? frames.length : count, atEnd)
  const status =
    at === 0 ? t('watch.start') : t('watch.step', { step: Math.min(at, steps.length), total: steps.length })
  const top = [
    EMPTY,
    ...strip,
    EMPTY,
    ...caption,
    EMPTY,
    heading(t('sandbox.events'), context, [span(status, 'muted')]),
  ]
  const room = Math.max(1, rows - top.length)
  const names = memberNames(frames.map((frame) => frame.event))
  const happened = steps.slice(0, atEnd ? steps.length : at)
  if (happened.length === 0) return [...top, [span(` ${t('watch.empty', { right: glyphs.right })}`, 'muted')]]
  const shown = happened.slice(-room)
  return [
    ...top,
    ...shown.map((frame, index): Line => {
      const latest = index === shown.length - 1
      const event = frames[frame]?.event
      const text = event ? sentence(event, names, t) : ''
      return [
        span(latest ? ` ${glyphs.pointer} ` : '   ', 'accent', true),
        span(fit(text, columns - 4, glyphs.ellipsis), latest ? 'plain' : 'muted'),
      ]
    }),
  ]
}

function captionLines(view: LessonView, count: number, atEnd: boolean): Line[] {
  const { state, current, loaded, context } = view
  const { t, columns, glyphs } = context
  const beats = current.watch.recording?.beats ?? []
  if (!atEnd) {
    const beat = beats.filter((candidate) => candidate.at < Math.max(1, count)).at(-1) ?? beats[0]
    return beat ? prose(view, `beat.${beat.id}`) : []
  }
  const prediction = state.progress.lessons[current.id]?.prediction
  const { choices, right } = loaded.lesson.prediction
  const choice = prediction && choices.includes(prediction.choice) ? prediction.choice : null
  const said = choice
    ? t(choice === right ? 'watch.predicted.right' : 'watch.predicted.wrong', {
        choice: plainText(proseSpans(proseOf(loaded, state.locale, `choice.${choice}`))),
      })
    : t('watch.no-prediction')
  const tone = choice === null ? 'muted' : choice === right ? 'good' : 'warn'
  return [
    ...indent(wrap([span(said, tone, true)], columns - 2), 1),
    ...prose(view, `reveal.${choice ?? right}`),
    [span(` ${t('watch.end', { right: glyphs.right })}`, 'muted')],
  ]
}

function plainText(line: Line): string {
  return line.map((part) => part.text).join('')
}

function lookBackLines(view: LessonView): Line[] {
  return [
    EMPTY,
    ...prose(view, 'debrief'),
    EMPTY,
    ...prose(view, 'debrief.python'),
    EMPTY,
    ...prose(view, 'debrief.links'),
  ]
}

function keysOf(view: LessonView): KeyHint[] {
  const { state, current, loaded, context } = view
  const { t, glyphs } = context
  const leave: KeyHint[] = [
    { keys: '?', does: t('key.help') },
    { keys: 'q', does: t('key.leave') },
  ]
  const scroll: KeyHint = { keys: `${glyphs.up}${glyphs.down}`, does: t('key.scroll') }
  switch (current.phase) {
    case 'read':
      return [{ keys: 'Enter', does: t('key.next') }, scroll, { keys: '1-5', does: t('key.views') }, ...leave]
    case 'look-back':
      return [{ keys: 'n', does: t('key.next') }, scroll, { keys: '1-5', does: t('key.views') }, ...leave]
    case 'predict': {
      const saved = state.progress.lessons[current.id]?.prediction
      if (current.choice !== null) {
        return [
          { keys: `1-${CONFIDENCES.length}`, does: t('key.choose') },
          { keys: 'Esc', does: t('key.back') },
          { keys: 'Tab', does: t('key.views') },
          ...leave,
        ]
      }
      if (!saved) {
        return [
          { keys: `1-${loaded.lesson.prediction.choices.length}`, does: t('key.choose') },
          { keys: 'Tab', does: t('key.views') },
          ...leave,
        ]
      }
      return [
        { keys: 'Enter', does: t('key.next') },
        { keys: 'x', does: t('key.again') },
        { keys: '1-5', does: t('key.views') },
        ...leave,
      ]
    }
    case 'watch':
      return [
        { keys: glyphs.right, does: t('key.step') },
        { keys: glyphs.left, does: t('key.step-back') },
        { keys: '{ }', does: t('key.beat') },
        { keys: 'Space', does: t(current.watch.playing ? 'key.pause' : 'key.play') },
        { keys: '+ -', does: `${t('key.speed')} x${current.watch.speed}` },
        { keys: 'r', does: t('key.reset') },
        { keys: '1-5', does: t('key.views') },
        ...leave,
      ]
    case 'do':
      return [...taskKeys(view), ...leave]
  }
}
