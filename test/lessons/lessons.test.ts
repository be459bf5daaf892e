/** What every lesson has to keep: it is unsolved as shipped, solvable, and says what is wrong with a wrong answer. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { LOCALES } from '../../src/course/i18n/locale.ts'
import { loadLessons } from '../../src/course/library.ts'
import { parseMarkdown } from '../../src/course/markdown.ts'
import { play, record } from '../../src/course/player.ts'
import { parseProse, staleBlocks } from '../../src/course/prose.ts'
import { storySteps } from '../../src/course/recorder.ts'
import { createCluster } from '../../src/index.ts'
import { width } from '../../src/tui/term/text.ts'

describe.each(loadLessons().map((loaded) => [loaded.lesson.id, loaded] as const))('%s', (id, { lesson, prose }) => {
  const { task, prediction } = lesson

  test('the start state is not solved', async () => {
    const played = await play(lesson, [], createCluster)
    expect(played.error).toBeUndefined()
    expect(played.verdict).toBe('not-yet')
    expect(played.mistake).toBeNull()
    expect(played.goals.some((goal) => goal.status === 'open')).toBe(true)
  })

  test('the reference solution passes', async () => {
    const played = await play(lesson, task.solution, createCluster)
    expect(played.goals.filter((goal) => goal.status !== 'pass')).toEqual([])
    expect(played.verdict).toBe('pass')
    expect(played.moves).toEqual(task.solution)
  })

  test.each(task.alternatives.map((moves) => [moves.join(', '), moves] as const))(
    'so does: %s',
    async (_name, moves) => {
      const played = await play(lesson, moves, createCluster)
      expect(played.goals.filter((goal) => goal.status !== 'pass')).toEqual([])
      expect(played.moves).toEqual(moves)
    },
  )

  test.each(Object.entries(task.wrong))('wrong: %s', async (mistake, moves) => {
    const played = await play(lesson, moves, createCluster)
    expect(played.error).toBeUndefined()
    expect(played.verdict).toBe('not-yet')
    expect(played.mistake).toBe(mistake)
    expect(played.moves).toEqual(moves)
  })

  test('there are enough wrong answers and at least one other right one', () => {
    expect(Object.keys(task.wrong).length).toBeGreaterThanOrEqual(3)
    expect(task.alternatives.length).toBeGreaterThanOrEqual(1)
    expect(Object.keys(task.wrong).sort()).toEqual(task.mistakes.map((mistake) => mistake.id).sort())
  })

  test('evidence points at events of the run', async () => {
    const played = await play(lesson, task.solution, createCluster)
    const indexes = new Set(played.frames.map((frame) => frame.event.index))
    for (const goal of played.goals) for (const index of goal.evidence) expect(indexes.has(index), goal.id).toBe(true)
  })

  test('the run is the same every time, and every beat has steps', async () => {
    const [first, second] = [await record(lesson, createCluster), await record(lesson, createCluster)]
    expect(second).toEqual(first)
    expect(storySteps(first.frames).length).toBeGreaterThan(0)
    for (const [index, beat] of first.beats.entries()) {
      const next = first.beats[index + 1]
      if (next) expect(storySteps(first.frames.slice(beat.at, next.at)).length, beat.id).toBeGreaterThan(0)
    }
  })

  test('no move is undone by undoing: the shorter list gives the same world', async () => {
    const [before, after] = [
      await play(lesson, task.solution.slice(0, 1), createCluster),
      await play(lesson, task.solution.slice(0, 1), createCluster),
    ]
    expect(after).toEqual(before)
  })

  describe.each(LOCALES)('prose in %s', (locale) => {
    const blocks = prose[locale]
    const ids = [
      'title',
      'question',
      'primer',
      'picture',
      'predict',
      'task',
      'debrief',
      'debrief.python',
      'debrief.links',
      ...prediction.choices.flatMap((choice) => [`choice.${choice}`, `reveal.${choice}`]),
      ...task.goals.map((goal) => `goal.${goal.id}`),
      ...task.moves.map((move) => `move.${move.id}`),
      ...task.mistakes.map((mistake) => `mistake.${mistake.id}`),
      ...Array.from({ length: task.hints }, (_unused, index) => `hint.${index + 1}`),
    ]

    test('has every block, and none too many', async () => {
      const { beats } = await record(lesson, createCluster)
      const known = new Set([...ids, ...beats.map((beat) => `beat.${beat.id}`)])
      expect([...known].filter((block) => !blocks.has(block))).toEqual([])
      expect([...blocks.keys()].filter((block) => !known.has(block) && !block.startsWith('blocked.'))).toEqual([])
    })

    test('says why each move is blocked', async () => {
      for (const moves of [[], ...Object.values(task.wrong), task.solution]) {
        const { blocked } = await play(lesson, moves, createCluster)
        for (const reason of Object.values(blocked)) expect(blocks.has(`blocked.${reason}`), reason).toBe(true)
      }
    })

    test('is Markdown we can show, without stray marks', () => {
      for (const { id: block, text } of blocks.values()) {
        const shown = JSON.stringify(parseMarkdown(text))
        expect(shown, block).not.toContain('**')
        expect(shown, block).not.toMatch(/[을를이가은는과와]\([을를이가은는과와]\)/)
      }
    })

    test('short texts are one line, and the primer is read in 90 seconds', () => {
      for (const block of [...blocks.keys()].filter((name) => /^(?:title|question|choice|goal|move)/.test(name))) {
        const text = blocks.get(block)?.text ?? ''
        expect(text.includes('\n'), block).toBe(false)
        expect(width(text), block).toBeLessThanOrEqual(72)
      }
      // Read at 200 words a minute, English or Korean (eojeol).
      const words = ['primer', 'picture']
        .map((block) => blocks.get(block)?.text ?? '')
        .join(' ')
        .split(/\s+/).length
      expect(words).toBeLessThanOrEqual(300)
    })
  })

  test('no Korean block is behind its English source', () => {
    const problems = staleBlocks(prose.en, prose.ko)
    const told = problems.map(({ id: block, problem, hash }) => `${block} is ${problem}; source-hash: ${hash}`)
    expect(told, `lessons/${id}/ko.md: translate anew, then renew the hash`).toEqual([])
  })

  test('its files parse as they are on the disk', () => {
    for (const locale of LOCALES) {
      const path = fileURLToPath(new URL(`../../lessons/${id}/${locale}.md`, import.meta.url))
      expect(parseProse(readFileSync(path, 'utf8')).size).toBe(prose[locale].size)
    }
  })
})
