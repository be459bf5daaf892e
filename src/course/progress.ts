/**
 * What a learner has done, in one small file. Nothing about it may ever stop a lesson: a file that cannot be read or
 * written becomes a message, and a broken one is kept aside.
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { isLocale, type Locale } from './i18n/locale.ts'

export interface Progress {
  readonly version: 1
  readonly language?: Locale
  readonly lessons: Readonly<Record<string, LessonProgress>>
}

export interface LessonProgress {
  readonly solved: boolean
  readonly prediction?: { readonly choice: string; readonly confidence: Confidence }
  /** How often a list of moves was graded. */
  readonly attempts: number
  /** The list of moves that solved it first. */
  readonly moves?: readonly string[]
}

export type Confidence = 'sure' | 'fairly' | 'not-sure'

export const CONFIDENCES: readonly Confidence[] = ['sure', 'fairly', 'not-sure']

export const NO_PROGRESS: Progress = { version: 1, lessons: {} }

/** A problem with the file, as a message id of the catalogue with its blanks. */
export interface ProgressProblem {
  readonly id: 'progress.unreadable' | 'progress.corrupt' | 'progress.newer' | 'progress.unwritable'
  readonly params: Readonly<Record<string, string>>
}

export interface ProgressStore {
  readonly path: string
  load(): Promise<{ readonly progress: Progress; readonly problem: ProgressProblem | null }>
  /** Writes atomically. Resolves with the problem instead of throwing. */
  save(progress: Progress): Promise<ProgressProblem | null>
}

/** `$XDG_STATE_HOME/kafkarium/progress.json`, `%LOCALAPPDATA%` on Windows, else under `~/.local/state`. */
export function progressPath(
  environment: Readonly<Record<string, string | undefined>>,
  platform: string = process.platform,
  home: string = homedir(),
): string {
  const base =
    environment.XDG_STATE_HOME || (platform === 'win32' && environment.LOCALAPPDATA) || join(home, '.local', 'state')
  return join(base, 'kafkarium', 'progress.json')
}

export function openProgress(path: string): ProgressStore {
  // A file somebody else wrote in a form we cannot read is never overwritten.
  let readOnly: ProgressProblem | null = null
  let writing: Promise<ProgressProblem | null> = Promise.resolve(null)

  const load: ProgressStore['load'] = async () => {
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return { progress: NO_PROGRESS, problem: null }
      readOnly = { id: 'progress.unreadable', params: { path, reason: codeOf(error) } }
      return { progress: NO_PROGRESS, problem: readOnly }
    }
    const parsed = parseProgress(text)
    if (parsed.kind === 'ok') return { progress: parsed.progress, problem: null }
    if (parsed.kind === 'newer') {
      readOnly = { id: 'progress.newer', params: { path } }
      return { progress: NO_PROGRESS, problem: readOnly }
    }
    return { progress: NO_PROGRESS, problem: await keepAside() }
  }

  const keepAside = async (): Promise<ProgressProblem> => {
    const kept = `${path}.broken`
    try {
      await rename(path, kept)
      return { id: 'progress.corrupt', params: { path, kept } }
    } catch (error) {
      readOnly = { id: 'progress.unreadable', params: { path, reason: codeOf(error) } }
      return readOnly
    }
  }

  const write = async (progress: Progress): Promise<ProgressProblem | null> => {
    if (readOnly) return readOnly
    const temporary = `${path}.${process.pid}.tmp`
    try {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(temporary, `${JSON.stringify(progress, null, 2)}\n`)
      await rename(temporary, path)
      return null
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {})
      return { id: 'progress.unwritable', params: { path, reason: codeOf(error) } }
    }
  }

  return {
    path,
    load,
    save(progress) {
      // One write after the other: two at once would share the temporary file.
      writing = writing.then(() => write(progress))
      return writing
    },
  }
}

type Parsed = { kind: 'ok'; progress: Progress } | { kind: 'newer' } | { kind: 'broken' }

/** Reads what it understands and leaves out single entries it does not; a file that is no progress file is broken. */
export function parseProgress(text: string): Parsed {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    return { kind: 'broken' }
  }
  if (!isRecord(data) || typeof data.version !== 'number') return { kind: 'broken' }
  if (data.version > 1) return { kind: 'newer' }
  if (data.version !== 1 || !isRecord(data.lessons)) return { kind: 'broken' }
  const lessons: Record<string, LessonProgress> = {}
  for (const [id, entry] of Object.entries(data.lessons)) {
    const lesson = lessonProgress(entry)
    if (lesson) lessons[id] = lesson
  }
  const language = typeof data.language === 'string' && isLocale(data.language) ? { language: data.language } : {}
  return { kind: 'ok', progress: { version: 1, ...language, lessons } }
}

function lessonProgress(entry: unknown): LessonProgress | null {
  if (!isRecord(entry) || typeof entry.solved !== 'boolean') return null
  const { prediction, moves } = entry
  const confidence = isRecord(prediction) && CONFIDENCES.find((known) => known === prediction.confidence)
  return {
    solved: entry.solved,
    attempts: typeof entry.attempts === 'number' && entry.attempts >= 0 ? Math.floor(entry.attempts) : 0,
    ...(isRecord(prediction) && typeof prediction.choice === 'string' && confidence
      ? { prediction: { choice: prediction.choice, confidence } }
      : {}),
    ...(Array.isArray(moves) && moves.every((move) => typeof move === 'string') ? { moves } : {}),
  }
}

/** The progress with one lesson changed. */
export function withLesson(progress: Progress, id: string, change: Partial<LessonProgress>): Progress {
  const before = progress.lessons[id] ?? { solved: false, attempts: 0 }
  return { ...progress, lessons: { ...progress.lessons, [id]: { ...before, ...change } } }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function codeOf(error: unknown): string {
  if (error instanceof Error) return 'code' in error && typeof error.code === 'string' ? error.code : error.message
  return String(error)
}
