/** All lessons with their prose cut into blocks. */
import { lessons } from '../../lessons/index.ts'
import type { Locale } from './i18n/locale.ts'
import type { Lesson } from './lesson.ts'
import { type ProseBlock, parseProse } from './prose.ts'

export interface LoadedLesson {
  readonly lesson: Lesson
  readonly prose: Readonly<Record<Locale, ReadonlyMap<string, ProseBlock>>>
}

export function loadLessons(): LoadedLesson[] {
  return lessons.map((lesson) => ({
    lesson,
    prose: { en: parseProse(lesson.prose.en), ko: parseProse(lesson.prose.ko) },
  }))
}

/** A block of prose. A missing block is a mistake of ours and says so. */
export function proseOf(loaded: LoadedLesson, locale: Locale, id: string): string {
  return loaded.prose[locale].get(id)?.text ?? `[${id}]`
}

/** A lesson by its folder's name or its number. */
export function findLesson(all: readonly LoadedLesson[], name: string): LoadedLesson | undefined {
  return all.find(({ lesson }) => lesson.id === name || String(lesson.number) === name.replace(/^0+/, ''))
}
