/** Callers that come while the work is under way get the same promise; the next caller after it starts it anew. */
export function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  return () => {
    running ??= start()
    return running
  }

  async function start(): Promise<T> {
    try {
      return await work()
    } finally {
      running = undefined
    }
  }
}
