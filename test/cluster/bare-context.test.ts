/** Everything up to `src/compose.ts` runs in any ES2022 engine: here in a context that has nothing but the language. */
import vm from 'node:vm'
import { build } from 'esbuild'
import { expect, test } from 'vitest'

test('cluster and client work in a bare context, with a host of ten lines', async () => {
  const bundle = await build({
    entryPoints: ['src/compose.ts'],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'kafkarium',
    platform: 'neutral',
    target: 'es2022',
  })
  const source = bundle.outputFiles[0]?.text ?? ''
  expect(source).not.toMatch(/require\(|from ?["']node:/)
  const macrotasks: (() => void)[] = []
  const context = vm.createContext(
    { later: (run: () => void) => macrotasks.push(run) },
    { codeGeneration: { strings: false } },
  )
  vm.runInContext(source, context)
  vm.runInContext(
    `
    const clusterHost = {
      turns: (step) => { const turn = () => { if (step()) later(turn) }; later(turn) },
      wallNow: () => 0, dateNow: () => 0, later: () => () => {}, warn: () => {}, onExit: () => () => {},
      decompress: () => { throw new Error('no codecs') }, env: () => undefined,
    }
    const bytesOf = (text) => Uint8Array.from([...unescape(encodeURIComponent(text))], (c) => c.charCodeAt(0))
    const host = {
      bytes: {
        view: (buffer, offset, length) => new Uint8Array(buffer, offset, length),
        isBytes: (value) => ArrayBuffer.isView(value),
        fromString: bytesOf,
        toString: (bytes) => decodeURIComponent(escape(String.fromCharCode(...bytes))),
      },
      env: () => undefined, writeLog: () => {},
    }
    var result = null
    ;(async () => {
      const cluster = kafkarium.composeFor(clusterHost, host)({ brokers: 2, topics: { orders: 2 }, seed: 3 })
      const kafka = cluster.kafka()
      const producer = kafka.producer()
      await producer.connect()
      await producer.send({ topic: 'orders', messages: [{ key: 'k', value: '한글' }] })
      const consumer = kafka.consumer({ groupId: 'g' })
      await consumer.connect()
      await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
      const got = []
      await consumer.run({ eachMessage: async ({ message }) => { got.push(host.bytes.toString(message.value)) } })
      await cluster.until(() => got.length === 1)
      result = { got, record: cluster.topic('orders').records()[0].value, hash: cluster.trace.hash }
    })().catch((error) => { result = { error: String(error.stack ?? error) } })
    `,
    context,
  )
  for (let i = 0; i < 10_000 && context.result === null; i++) {
    // A turn is a macrotask: whatever ran before it has drained its microtasks.
    await new Promise(setImmediate)
    macrotasks.shift()?.()
  }
  expect(context.result).toMatchObject({ got: ['한글'], record: '한글', hash: expect.stringMatching(/^[0-9a-f]{16}$/) })
})
