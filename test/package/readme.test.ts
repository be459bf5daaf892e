/** The README, run as it stands: code that a reader copies has to work, and what it links to has to be there. */
import { readFileSync } from 'node:fs'
import * as kafkarium from 'kafkarium'
import { describe, expect, test } from 'vitest'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

/** The TypeScript under a heading; these pieces have no types in them, so they are JavaScript as they stand. */
function blocksUnder(heading: string): string[] {
  const [, rest = ''] = readme.split(`\n## ${heading}\n`)
  const [section = ''] = rest.split('\n## ')
  return [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] ?? '')
}

async function run(code: string, given: Readonly<Record<string, unknown>> = {}): Promise<kafkarium.Cluster> {
  const names = { ...kafkarium, ...given }
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor
  const program = new AsyncFunction(...Object.keys(names), `${code}\nreturn cluster`)
  return (await program(...Object.values(names))) as kafkarium.Cluster
}

describe('the README', () => {
  test('What you get runs from the first line to the last', async () => {
    const [code = ''] = blocksUnder('What you get')
    const cluster = await run(code)
    expect(code.split('\n').length).toBeGreaterThan(20)
    expect(cluster.topic('orders').records()).toHaveLength(2)
    await cluster.dispose()
  })

  test('its exactly-once loop bills every order once, and its admin calls answer', async () => {
    const blocks = blocksUnder('What you get')
    const loop = blocks.find((block) => block.includes('groupMetadata')) ?? ''
    const calls = blocks.find((block) => block.includes('fenceProducers')) ?? ''
    const cluster = kafkarium.createCluster({ topics: { orders: 1, bills: 1 } })
    const kafka = cluster.kafka()
    const admin = kafka.admin()
    await admin.connect()
    await cluster.produce('orders', ['a', 'b'])
    await run(loop, { kafka, cluster, bill: ({ value }: { value: Buffer }) => ({ value: `bill of ${value}` }) })
    expect([await cluster.topic('bills').next(), await cluster.topic('bills').next()]).toMatchObject([
      { value: 'bill of a' },
      { value: 'bill of b' },
    ])
    await run(calls, { admin, cluster })
    expect(cluster.topic('bills').records()).toHaveLength(2)
    await cluster.dispose()
  })

  test('its storm ends in a report', async () => {
    const code = blocksUnder('What acks mean when a leader dies').find((block) => block.includes('storm')) ?? ''
    const runMyService = async (kafka: ReturnType<kafkarium.Cluster['kafka']>) => {
      const producer = kafka.producer()
      await producer.connect()
      await producer.send({ topic: 'orders', messages: [{ value: 'a' }] })
    }
    const cluster = await run(code, { runMyService })
    expect(cluster.topic('orders').records()).toHaveLength(1)
    await cluster.dispose()
  })

  test('what acks=1 loses is gone', async () => {
    const [code = ''] = blocksUnder('What acks mean when a leader dies')
    let ran: Promise<void> | undefined
    const define = (_name: string, body: () => Promise<void>) => {
      ran = body()
    }
    // `using` is for newer Nodes than the oldest we run on.
    const older = code.replace('using cluster', 'const cluster')
    await run(`let cluster\n${older}`, { test: define, expect })
    await ran
  })
})
