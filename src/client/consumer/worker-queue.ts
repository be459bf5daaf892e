/** Hands batches to at most `concurrency` handlers at a time (`partitionsConsumedConcurrently`), in the order they came. */

interface Job<T> {
  readonly item: T
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

export interface WorkerQueue<T> {
  /** Resolves when all items were handled; rejects with the first error, after the others have been handled, too. */
  push(items: readonly T[]): Promise<void>
}

export function createWorkerQueue<T>(concurrency: number, handle: (item: T) => Promise<void>): WorkerQueue<T> {
  const queue: Job<T>[] = []
  let working = 0

  async function work(): Promise<void> {
    working += 1
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      try {
        await handle(job.item)
        job.done()
      } catch (error) {
        job.failed(error)
      }
    }
    working -= 1
  }

  return {
    push: (items) =>
      new Promise((resolve, reject) => {
        let left = items.length
        let failure: { readonly error: unknown; readonly index: number } | undefined
        const settle = (): void => {
          left -= 1
          if (left > 0) return
          if (failure === undefined) resolve()
          else reject(failure.error)
        }
        items.forEach((item, index) => {
          queue.push({
            item,
            done: settle,
            failed: (error) => {
              if (failure === undefined || index < failure.index) failure = { error, index }
              settle()
            },
          })
        })
        // `work` never rejects: failures go to their job.
        while (working < concurrency && queue.length > 0) void work()
      }),
  }
}
