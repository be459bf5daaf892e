/** Which language somebody gets. */
export type Locale = 'en' | 'ko'

export const LOCALES: readonly Locale[] = ['en', 'ko']

export function isLocale(text: string): text is Locale {
  return (LOCALES as readonly string[]).includes(text)
}

/** The language the environment asks for: `LC_ALL`, then `LC_MESSAGES`, then `LANG`; `ko…` is Korean, everything else English. */
export function localeOf(environment: Readonly<Record<string, string | undefined>>): Locale {
  const value = environment.LC_ALL || environment.LC_MESSAGES || environment.LANG || ''
  return /^ko(?:[_.@-]|$)/i.test(value) ? 'ko' : 'en'
}
