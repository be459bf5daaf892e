import { describe, expect, it } from 'vitest'
import {
  KafkaJSError,
  KafkaJSNonRetriableError,
  KafkaJSNumberOfRetriesExceeded,
} from '../../src/client/errors/index.ts'
import { createRetrier, GiveUp, retryConfig } from '../../src/client/retry.ts'
import { createScript } from './support/script-transport.ts'

const script = (env: Record<string, string> = {}, choose?: (site: string, n: number) => number) =>
  createScript({ answer: () => ({}), env, ...(choose === undefined ? {} : { choose }) })

async function failAlways(run: ReturnType<typeof script>, error: unknown) {
  const seen: { retryCount: number; retryTime: number }[] = []
  const retrier = createRetrier(run.transport, retryConfig(run.host))
  const outcome = await retrier(async (info) => {
    seen.push({ ...info })
    throw error
  }).catch((e: unknown) => e)
  return { seen, outcome: outcome as KafkaJSNumberOfRetriesExceeded }
}

describe('the retry core (KJ1)', () => {
  it('waits 300, 600, 1200 … without jitter at choice 0, then gives up with the cause', async () => {
    const run = script()
    const cause = new Error('boom')
    const { seen, outcome } = await failAlways(run, cause)
    expect(run.sleeps).toEqual([300, 600, 1200, 2400, 4800].map((delayMs) => ({ delayMs, kind: 'loop' })))
    expect(seen.map(({ retryCount }) => retryCount)).toEqual([0, 1, 2, 3, 4, 5])
    expect(outcome).toBeInstanceOf(KafkaJSNumberOfRetriesExceeded)
    expect(outcome).toMatchObject({ message: 'boom', retryCount: 5, retryTime: 9600, retriable: false, cause })
  })

  it('has kafkajs’s other defaults with NODE_ENV=test', async () => {
    const run = script({ NODE_ENV: 'test' })
    const { outcome } = await failAlways(run, new KafkaJSError('boom'))
    expect(run.sleeps.slice(0, 4).map(({ delayMs }) => delayMs)).toEqual([50, 75, 112, 169])
    expect(run.sleeps).toHaveLength(15)
    expect(outcome.retryTime).toBe(1000)
  })

  it('draws the jitter from ± factor × time: odd choices above, even ones below', async () => {
    const ranges: number[] = []
    const next = [1, 2, 3]
    const run = script({}, (site, n) => {
      expect(site).toBe('client.retry.jitter')
      ranges.push(n)
      return next.shift() ?? 0
    })
    await failAlways(run, new Error('boom'))
    expect(ranges.slice(0, 3)).toEqual([121, 2 * Math.floor(0.2 * 301) + 1, 2 * Math.floor(0.2 * 600) + 1])
    expect(run.sleeps.slice(0, 3).map(({ delayMs }) => delayMs)).toEqual([301, 600, 1204])
  })

  it('does not retry what says no, nor programming errors', async () => {
    for (const error of [new KafkaJSNonRetriableError('no'), new TypeError('no'), new RangeError('no')]) {
      const run = script()
      const { outcome, seen } = await failAlways(run, error)
      expect(seen).toHaveLength(1)
      expect(outcome).toBeInstanceOf(KafkaJSNonRetriableError)
      expect(outcome.cause).toBe(error)
      expect(run.sleeps).toEqual([])
    }
  })

  it('lets an attempt give up with the raw error', async () => {
    const run = script()
    const error = new Error('raw')
    expect((await failAlways(run, new GiveUp(error))).outcome).toBe(error)
  })

  it('retries what is no error at all', async () => {
    const { seen, outcome } = await failAlways(script(), 'a text')
    expect(seen).toHaveLength(6)
    expect(outcome.message).toBe('a text')
  })
})
