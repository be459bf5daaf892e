/** The loops of a consumer, with brokers that come and go. */
import { expect, test } from 'vitest'
import { FetchLoops } from '../../src/client/consumer/fetch-loops.ts'
import { createWorkerQueue } from '../../src/client/consumer/worker-queue.ts'
import type { Logger } from '../../src/client/types/logging.ts'

test('stopped while the brokers change, the loops do not start again', async () => {
  const quiet = () => {}
  const logger: Logger = {
    info: quiet,
    error: quiet,
    warn: quiet,
    debug: quiet,
    setLogLevel: quiet,
    namespace: () => logger,
  }
  let nodes = ['1', '2']
  let fetches = 0
  const release: (() => void)[] = []
  const loops = new FetchLoops({
    logger,
    nodeIds: () => nodes,
    fetch: async () => {
      fetches += 1
      await new Promise<void>((resolve) => release.push(resolve))
      return []
    },
    workers: createWorkerQueue(1, async () => {}),
    whileEnding: (ending) => ending,
  })
  const running = loops.run()
  nodes = ['1', '2', '3']
  // One loop notices the third broker while the other still fetches: all end, to begin anew with three.
  release[0]?.()
  for (let i = 0; i < 20; i++) await Promise.resolve()
  const stopping = loops.stop()
  release[1]?.()
  await Promise.all([stopping, running])
  expect(fetches).toBe(2)
})
