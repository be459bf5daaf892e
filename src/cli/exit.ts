/** What the program ends with. */
export const EXIT = {
  ok: 0,
  /** Something went wrong that is not the user's mistake. */
  failed: 1,
  /** The command line could not be understood. */
  usage: 2,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
