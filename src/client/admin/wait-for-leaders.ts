/** Waits until a check says yes, as kafkajs's `waitFor` does. */
import { viewError } from '../errors/classify.ts'
import { KafkaJSTimeout } from '../errors/general.ts'
import { sleep } from '../sync/time.ts'
import type { Transport } from '../transport.ts'

const DELAY_MS = 100
const DEFAULT_WAIT_MS = 10_000

/** @throws KafkaJSTimeout when a topic still has a partition without a leader after `maxWaitMs`. */
export async function waitForLeaders(
  transport: Transport,
  maxWaitMs: number | undefined,
  check: () => Promise<unknown>,
): Promise<void> {
  const deadline = transport.now() + (maxWaitMs ?? DEFAULT_WAIT_MS)
  for (;;) {
    const left = deadline - transport.now()
    await sleep(transport, Math.max(0, Math.min(DELAY_MS, left)), 'loop')
    if (transport.now() >= deadline) throw new KafkaJSTimeout('Timed out while waiting for topic leaders')
    try {
      await check()
      return
    } catch (error) {
      if (viewError(error).type !== 'LEADER_NOT_AVAILABLE') throw error
    }
  }
}
