import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  NO_PROGRESS,
  openProgress,
  type Progress,
  parseProgress,
  progressPath,
  withLesson,
} from '../../src/course/progress.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kafkarium-progress-'))
  path = join(folder, 'kafkarium', 'progress.json')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const put = (text: string) => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

const solved: Progress = {
  version: 1,
  language: 'ko',
  lessons: {
    '01-log-not-queue': {
      solved: true,
      attempts: 3,
      prediction: { choice: 'none', confidence: 'sure' },
      moves: ['b-from-start', 'seek-a-0'],
    },
  },
}

test('where the file is', () => {
  expect(progressPath({}, 'linux', '/home/me')).toBe(join('/home/me', '.local', 'state', 'kafkarium', 'progress.json'))
  expect(progressPath({ XDG_STATE_HOME: '/state' }, 'linux', '/home/me')).toBe(
    join('/state', 'kafkarium', 'progress.json'),
  )
  expect(progressPath({ LOCALAPPDATA: '/local' }, 'win32', '/home/me')).toBe(
    join('/local', 'kafkarium', 'progress.json'),
  )
})

test('what was saved is loaded again, and nothing else is left in the folder', async () => {
  const store = openProgress(path)
  expect(await store.load()).toEqual({ progress: NO_PROGRESS, problem: null })
  expect(await store.save(solved)).toBeNull()
  expect(await openProgress(path).load()).toEqual({ progress: solved, problem: null })
  expect(readdirSync(dirname(path))).toEqual(['progress.json'])
})

test('saves at the same time are written one after the other', async () => {
  const store = openProgress(path)
  const saves = Array.from({ length: 20 }, (_unused, attempts) =>
    store.save(withLesson(solved, '01-log-not-queue', { attempts })),
  )
  expect(await Promise.all(saves)).toEqual(saves.map(() => null))
  expect((await openProgress(path).load()).progress.lessons['01-log-not-queue']?.attempts).toBe(19)
})

describe('a file that is no use', () => {
  test.each(['', '{', '[]', 'null', '{"version":"1"}', '{"version":1}', '\u0000\u0001'])(
    '%j is kept aside',
    async (text) => {
      put(text)
      const store = openProgress(path)
      const { progress, problem } = await store.load()
      expect(progress).toEqual(NO_PROGRESS)
      expect(problem).toEqual({ id: 'progress.corrupt', params: { path, kept: `${path}.broken` } })
      expect(readFileSync(`${path}.broken`, 'utf8')).toBe(text)
      expect(await store.save(solved)).toBeNull()
    },
  )

  test('one from a newer version is left alone', async () => {
    put('{"version":2,"new":true}')
    const store = openProgress(path)
    expect((await store.load()).problem?.id).toBe('progress.newer')
    expect((await store.save(solved))?.id).toBe('progress.newer')
    expect(readFileSync(path, 'utf8')).toBe('{"version":2,"new":true}')
  })

  test('single entries that make no sense are left out, the others stay', () => {
    const text = JSON.stringify({
      version: 1,
      language: 'xx',
      lessons: {
        good: { solved: true, attempts: 1 },
        odd: { solved: true, attempts: -4, prediction: { choice: 1 }, moves: [1] },
        bad: { solved: 'yes' },
        worse: null,
      },
    })
    expect(parseProgress(text)).toEqual({
      kind: 'ok',
      progress: { version: 1, lessons: { good: { solved: true, attempts: 1 }, odd: { solved: true, attempts: 0 } } },
    })
  })
})

test('a path that cannot be read or written is a message, never an exception', async () => {
  put('x')
  // The parent of the file is a file: neither reading nor writing can work, whoever runs the test.
  const store = openProgress(join(path, 'progress.json'))
  expect((await store.load()).problem?.id).toBe('progress.unreadable')
  expect((await store.save(solved))?.id).toBe('progress.unreadable')
  const fresh = openProgress(join(path, 'deeper', 'progress.json'))
  expect((await fresh.save(solved))?.id).toBe('progress.unwritable')
})

test('a folder without permission is a message', async ({ skip }) => {
  skip(process.getuid?.() === 0, 'the superuser may write everywhere; the test above covers the message')
  mkdirSync(dirname(path), { recursive: true })
  chmodSync(dirname(path), 0o500)
  expect((await openProgress(path).save(solved))?.id).toBe('progress.unwritable')
  chmodSync(dirname(path), 0o700)
})
