/** A lesson as plain text: for pipes, for `--plain`, for a screen reader. Sentences, no boxes, no colour. */
import type { MessageId, Translate } from '../../course/i18n/catalog.ts'
import type { Locale } from '../../course/i18n/locale.ts'
import { type LoadedLesson, proseOf } from '../../course/library.ts'
import { type CreateCluster, type Play, play, record } from '../../course/player.ts'
import { type Frame, isStory } from '../../course/recorder.ts'
import { memberNames, sentence } from '../../course/sentences.ts'
import type { Glyphs } from '../term/glyphs.ts'
import { type Line, span, wrap } from '../term/text.ts'
import { proseLines, proseSpans } from '../views/prose.ts'

const COLUMNS = 78

export interface PlainOptions {
  readonly loaded: LoadedLesson
  readonly locale: Locale
  readonly t: Translate
  readonly glyphs: Glyphs
  readonly createCluster: CreateCluster
  readonly write: (line: string) => void
}

/** Plays the run and the reference solution. Resolves with the solution's verdict. */
export async function playPlainLesson(options: PlainOptions): Promise<Play['verdict']> {
  const { loaded, locale, t, glyphs, createCluster, write } = options
  const { lesson } = loaded
  const put = (lines: readonly Line[], margin = '') => {
    for (const line of lines) write(`${margin}${textOf(line)}`.trimEnd())
  }
  const prose = (id: string, margin = '') =>
    put(proseLines(proseOf(loaded, locale, id), COLUMNS - margin.length, glyphs), margin)
  const short = (id: string) => textOf(proseSpans(proseOf(loaded, locale, id)))
  const section = (id: MessageId) => {
    write('')
    write(`== ${t(id)} ==`)
    write('')
  }
  const events = (frames: readonly Frame[], margin: string) => {
    const names = memberNames(frames.map((frame) => frame.event))
    for (const { event } of frames) {
      if (!isStory(event)) continue
      const mark = `${margin}${glyphs.bullet} `
      for (const [row, line] of wrap([span(sentence(event, names, t))], COLUMNS - mark.length).entries()) {
        write(`${row === 0 ? mark : ' '.repeat(mark.length)}${textOf(line)}`)
      }
    }
  }

  write(`${t('app.lesson', { number: lesson.number })}: ${short('title')}`)
  write(short('question'))

  section('plain.primer')
  prose('primer')

  section('plain.predict')
  prose('predict')
  write('')
  for (const [index, id] of lesson.prediction.choices.entries()) write(`  ${index + 1}. ${short(`choice.${id}`)}`)

  section('plain.run')
  const recording = await record(lesson, createCluster)
  for (const [index, beat] of recording.beats.entries()) {
    if (index > 0) write('')
    prose(`beat.${beat.id}`)
    events(recording.frames.slice(beat.at, recording.beats[index + 1]?.at), '  ')
  }
  write('')
  write(t('plain.right', { choice: short(`choice.${lesson.prediction.right}`) }))
  prose(`reveal.${lesson.prediction.right}`)

  section('plain.task')
  prose('task')
  write('')
  write(t('plain.goals'))
  const goals = (played: Play) => {
    for (const goal of played.goals) {
      write(`  [${goal.status === 'pass' ? 'x' : ' '}] ${t(`goal.status.${goal.status}`)}: ${short(`goal.${goal.id}`)}`)
    }
  }
  goals(await play(lesson, [], createCluster))
  write('')
  write(t('plain.solution'))
  let last = await play(lesson, [], createCluster)
  for (const [index, id] of lesson.task.solution.entries()) {
    last = await play(lesson, lesson.task.solution.slice(0, index + 1), createCluster)
    const move = lesson.task.moves.find((candidate) => candidate.id === id)
    write('')
    write(`${index + 1}. ${short(`move.${id}`)}`)
    write(`     ${move?.code ?? ''}`)
    events(last.frames.slice(last.movedAt.at(-1) ?? 0), '  ')
    goals(last)
  }
  write('')
  if (last.verdict === 'could-not-check') write(t('app.failed', { error: last.error ?? '' }))
  else write(t(last.verdict === 'pass' ? 'plain.verdict.pass' : 'plain.verdict.not-yet'))

  section('plain.debrief')
  prose('debrief')
  write('')
  prose('debrief.python')
  write('')
  prose('debrief.links')
  write('')
  write(t('plain.interactive'))
  return last.verdict
}

function textOf(line: Line): string {
  return line.map((part) => part.text).join('')
}
