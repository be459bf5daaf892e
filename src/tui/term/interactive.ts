/** Decided before anything is rendered: Ink throws without a TTY, and writes erase codes into pipes. */
export interface Terminal {
  readonly stdinIsTTY: boolean
  readonly stdoutIsTTY: boolean
  readonly environment: Readonly<Record<string, string | undefined>>
}

export function isInteractive({ stdinIsTTY, stdoutIsTTY, environment }: Terminal): boolean {
  if (!stdinIsTTY || !stdoutIsTTY) return false
  if (environment.TERM === 'dumb') return false
  // Ink draws nothing there before the end, and nobody is watching.
  if (environment.CI && environment.CI !== 'false' && environment.CI !== '0') return false
  // A screen reader reads sentences better than boxes: the plain text is made of sentences.
  return environment.INK_SCREEN_READER !== 'true'
}
