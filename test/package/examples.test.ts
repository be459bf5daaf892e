/** The examples, run as their readers would run them: on the built package. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const execute = promisify(execFile)
const env = { PATH: process.env.PATH, NO_COLOR: '1' }

describe('examples', () => {
  test('the getting-started program of kafkajs prints its message and ends by itself', async () => {
    const { stdout, stderr } = await execute(process.execPath, ['examples/getting-started.mjs'], {
      env,
      timeout: 20_000,
    })
    expect(stdout).toBe("{ topic: 'test-topic', partition: 0, value: 'Hello KafkaJS user!' }\n")
    expect(stderr).toBe('')
  })

  test('it is the original but for the line that makes `kafka`', async () => {
    const { readFile } = await import('node:fs/promises')
    const program = await readFile('examples/getting-started.mjs', 'utf8')
    const made = program.split('\n').filter((line) => /kafkarium|createCluster/.test(line))
    expect(made).toEqual([
      "import { createCluster } from 'kafkarium'",
      "const kafka = createCluster().kafka({ clientId: 'my-app' })",
    ])
  })

  test('10,000 messages sent one by one are read by a group of two', async () => {
    const { stdout } = await execute(process.execPath, ['examples/tutorial-workload.mjs'], { env, timeout: 60_000 })
    expect(stdout).toMatch(
      /^sent 10000 messages one by one in \d+ ms\na group of two read 10000 different messages, lag 0\n$/,
    )
  })

  test('what acks are worth under a crash: the README shows what the program prints', async () => {
    const { readFile } = await import('node:fs/promises')
    const { stdout } = await execute(process.execPath, ['examples/acks-under-a-crash.mjs'], { env, timeout: 60_000 })
    expect(stdout).toMatch(/^acks=all: 0 of 200 runs lost acknowledged records, 0 in all$/m)
    expect(await readFile('README.md', 'utf8')).toContain(stdout)
  })

  test('a crash and a takeover: the README says what it takes with real timers', async () => {
    const { readFile } = await import('node:fs/promises')
    const { stdout } = await execute(process.execPath, ['examples/takeover.mjs'], { env, timeout: 60_000 })
    const [, seconds] = /^with real timers: (\d+\.\d) s\nhere: \d+ ms\n$/.exec(stdout) ?? []
    expect(await readFile('README.md', 'utf8')).toContain(`not counted | ${seconds} s |`)
  })

  test('the service passes its tests under jest, CommonJS', async () => {
    const { stderr } = await execute(
      process.execPath,
      [
        'node_modules/jest/bin/jest.js',
        '--rootDir',
        'examples/orders-service',
        '--testMatch',
        '**/*.jest.cjs',
        '--ci',
        '--watchman=false',
      ],
      { env: { ...env, NODE_OPTIONS: '--experimental-vm-modules' }, timeout: 60_000 },
    )
    expect(stderr).toMatch(/Tests: +2 passed, 2 total/)
  })
})
