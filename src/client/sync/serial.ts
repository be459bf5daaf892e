/** Runs pieces of work one after the other, in the order they were handed in; a failure does not stop the next. */
export type Serial = <T>(work: () => Promise<T>) => Promise<T>

export function createSerial(): Serial {
  let tail: Promise<unknown> | undefined
  return async (work) => {
    const before = tail
    const mine = before === undefined ? work() : before.then(work, work)
    // The bookkeeping promise must not reject: nobody may be left to handle it.
    const settled: Promise<unknown> = mine.then(
      () => undefined,
      () => undefined,
    )
    tail = settled
    try {
      return await mine
    } finally {
      if (tail === settled) tail = undefined
    }
  }
}
