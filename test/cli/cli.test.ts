/** The program as it is shipped, without a terminal. */
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, describe, expect, test } from 'vitest'

const program = fileURLToPath(new URL('../../dist/cli/kafkarium.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'kafkarium-cli-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const run = (args: readonly string[], env: Record<string, string> = {}): SpawnSyncReturns<string> =>
  spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', HOME: home, XDG_STATE_HOME: home, LANG: 'C', ...env },
  })

describe('piped, the lesson plays as plain text', () => {
  test.each([
    ['', []],
    ['learn', ['learn']],
    ['learn 1', ['learn', '1']],
    ['learn 01-log-not-queue', ['learn', '01-log-not-queue']],
    ['--plain', ['--plain']],
  ])('kafkarium %s', (_name, args) => {
    const { status, stdout, stderr } = run(args)
    expect(stderr).toBe('')
    expect(status).toBe(0)
    expect(stdout).toMatch(/^Lesson 1: A log, not a queue\n/)
    for (const text of [
      'Kafka keeps a log',
      'How many records are left for group B?',
      'group B moved its bookmark in orders-0 to 10',
      'What happens: All ten.',
      '[x] met: Group A has processed record 0 a second time',
      'All goals are met.',
      "auto_offset_reset='earliest'",
    ]) {
      expect(stdout).toContain(text)
    }
    expect(stdout).not.toContain('\u001b')
  })

  test.each([
    ['--lang ko', ['--lang', 'ko'], {}],
    ['LANG', [], { LANG: 'ko_KR.UTF-8' }],
    ['LC_ALL', [], { LC_ALL: 'ko_KR.UTF-8', LANG: 'en_US.UTF-8' }],
  ] as const)('in Korean by %s', (_name, args, env) => {
    const { status, stdout } = run(args, env)
    expect(status).toBe(0)
    expect(stdout).toMatch(/^레슨 1: 큐가 아니라 로그\n/)
    expect(stdout).toContain('목표를 모두 달성했어요.')
    expect(stdout).not.toMatch(/\*\*|undefined|\{\w+\}/)
  })

  test('the remembered language is used, and the flag is stronger', () => {
    const state = mkdtempSync(join(home, 'state-'))
    spawnSync('mkdir', ['-p', join(state, 'kafkarium')])
    writeFileSync(join(state, 'kafkarium', 'progress.json'), '{"version":1,"language":"ko","lessons":{}}')
    expect(run([], { XDG_STATE_HOME: state }).stdout).toContain('큐가 아니라 로그')
    expect(run(['--lang', 'en'], { XDG_STATE_HOME: state }).stdout).toContain('A log, not a queue')
  })

  test('the same text every time', () => {
    expect(run([]).stdout).toBe(run([]).stdout)
  })

  test('without a place for progress it plays all the same', () => {
    expect(run([], { XDG_STATE_HOME: '/dev/null/nowhere', HOME: '/dev/null' }).status).toBe(0)
  })

  test('a reader that stops early is no failure', async () => {
    const child = spawn(process.execPath, [program], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: home },
    })
    let errors = ''
    child.stderr.on('data', (data) => {
      errors += String(data)
    })
    child.stdout.once('data', () => child.stdout.destroy())
    const status = await new Promise((resolve) => child.on('exit', resolve))
    expect(errors).toBe('')
    expect(status).toBe(0)
  })
})

test('the sandbox is a short tour, the same every time', () => {
  const { status, stdout, stderr } = run(['sandbox'])
  expect(stderr).toBe('')
  expect(status).toBe(0)
  expect(stdout).toContain('process consumer-1 died without saying goodbye')
  expect(stdout).toMatch(/^ {3}consumer-1 \* {2}dead .* orders-0 orders-2 +0 +5\.9 s of 10 s$/m)
  expect(stdout).toMatch(/^ {3}consumer-2 \* .* orders-0,1,2 +0 +\d\.\d s of 10 s$/m)
  expect(stdout).toMatch(/^ +1 +0:01\.3 +0:11\.3 +consumer-1: 0,2 {2}consumer-2: 1 +consumer-1 was silent for 10 s$/m)
  expect(stdout).toMatch(/^ {3}o +1 +0:01\.3 +group +generation 1, 2 members +RoundRobinAssigner$/m)
  expect(stdout).toMatch(/^ {3}v +2 +0:01\.3 +commit orders-1 +offset 7$/m)
  expect(stdout).not.toContain('\u001b')
  expect(run(['sandbox']).stdout).toBe(stdout)
})

describe('serve', () => {
  const start = async (args: readonly string[], env: Record<string, string> = {}) => {
    const child = spawn(process.execPath, [program, 'serve', '--port', '0', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, HOME: home, ...env },
    })
    let errors = ''
    child.stderr.on('data', (data) => {
      errors += String(data)
    })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const stop = async (signal: NodeJS.Signals) => {
      const ended = new Promise((resolve) => child.on('exit', resolve))
      child.kill(signal)
      return await ended
    }
    return { next: async () => (await lines.next()).value as string, stop, errors: () => errors }
  }

  test.each(['SIGINT', 'SIGTERM'] as const)('says where it is, and stops on %s', async (signal) => {
    const server = await start(['--brokers', '2', '--topic', 'orders:3:2'])
    expect(await server.next()).toMatch(
      /^kafkarium is ready: bootstrap servers localhost:\d+,localhost:\d+; topics: orders$/,
    )
    expect(await server.stop(signal)).toBe(0)
    expect(await server.next()).toBe('kafkarium has stopped')
    expect(server.errors()).toBe('')
  })

  test('kafkajs talks to it; topics come from the options and the environment', async () => {
    const server = await start(
      ['--json', '--brokers', '3', '--kafka-version', '3.9', '--topic', 'a,b:2', '--topic', 'c:3:2', '--seed', '7'],
      { KAFKA_CREATE_TOPICS: 'd:1:1,e:2:1:compact' },
    )
    const ready = JSON.parse(await server.next())
    expect(ready).toMatchObject({ event: 'ready', topics: ['a', 'b', 'c', 'd', 'e'] })
    const admin = new Kafka({ brokers: ready.brokers, logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const { topics } = await admin.fetchTopicMetadata({ topics: ['a', 'b', 'c', 'd', 'e'] })
    const shapes = topics.map(
      ({ name, partitions }) => `${name}:${partitions.length}:${partitions[0]?.replicas.length}`,
    )
    expect(shapes.sort()).toEqual(['a:1:1', 'b:2:1', 'c:3:2', 'd:1:1', 'e:2:1'])
    await admin.disconnect()
    expect(await server.stop('SIGTERM')).toBe(0)
  })

  test.each([
    [['--port', 'x'], '--port: "x" is not a number.'],
    [['--port', '70000'], 'kafkarium serve: --port: 70000 is no port.'],
    [['--port', '65534', '--brokers', '3'], '--port: 3 brokers from 65534 on need the ports up to 65536'],
    [['--host', ''], '--host: an empty address'],
    [['--advertised-host', ''], '--advertised-host: an empty name'],
    [
      ['--advertised-host', 'PLAINTEXT://localhost:9092'],
      '--advertised-host: "PLAINTEXT://localhost:9092" is no host name',
    ],
    [['--host', 'a b'], '--host: "a b" is no address'],
    [['--topic', 'a:x'], '--topic: a:x: "x" is not a number.'],
    [['--topic', 'a:1:1:compact:x'], 'has too many parts'],
    [['--topic', 'a:0'], '--topic: a:0: partitions: 0 is out of range'],
    [['--topic', 'a,a.b:0'], '--topic: a.b:0: partitions: 0 is out of range'],
    [['--brokers', '0'], 'kafkarium serve: --brokers: 0 is out of range'],
    [['--speed', '0'], 'kafkarium serve: --speed: 0 is out of range'],
    [['--topic', ':3'], '--topic: ":3" has no name'],
    [['--topic', 'a b'], "--topic: a b: the name is invalid: 'a b' contains"],
    [['--topic', 'a:3:1:squash'], '--topic: a:3:1:squash: config: '],
    [
      ['--topic', 'a:3:5', '--brokers', '3'],
      '--topic: a:3:5: a replication factor of 5 needs 5 brokers, there are 3. Give --brokers 5.\n',
    ],
    [
      ['--topic', 'a:3', '--topic', 'a:5'],
      '--topic: topic "a" is given twice, and differently: a:3 and a:5. Give it once.',
    ],
    [['--config', 'no'], 'is not of the form name=value'],
    [['--config', 'offsets.topic.num.partitons=5'], 'offsets.topic.num.partitions'],
    [['--kafka-version', '9'], "--kafka-version: '9' is not known. Use a string from '2.4' to '4.3'"],
    [['--brokrs', '3'], '--brokers'],
  ])('%j ends with 2 and says what would work', (args, text) => {
    const { status, stdout, stderr } = run(['serve', ...args])
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toContain(text)
  })

  test.each([
    ['orders:3:1,pay:x', 'KAFKA_CREATE_TOPICS: pay:x: "x" is not a number.'],
    ['pay:1:1:compact:x', 'KAFKA_CREATE_TOPICS: "pay:1:1:compact:x" has too many parts'],
    ['pay:1:2', 'KAFKA_CREATE_TOPICS: pay:1:2: a replication factor of 2 needs 2 brokers'],
    ['pay:1:1:squash', 'KAFKA_CREATE_TOPICS: pay:1:1:squash: config: '],
    ['o:2', 'KAFKA_CREATE_TOPICS: topic "o" is given twice, and differently: o:1 (--topic) and o:2. Give it once.'],
  ])('KAFKA_CREATE_TOPICS=%s is blamed by its name', (KAFKA_CREATE_TOPICS, text) => {
    const { status, stderr } = run(['serve', '--topic', 'o:1'], { KAFKA_CREATE_TOPICS })
    expect(status).toBe(2)
    expect(stderr).toContain(text)
  })

  test('with --json an error is an object too, on standard error', () => {
    const { status, stdout, stderr } = run(['serve', '--json', '--port', '70000'])
    expect(status).toBe(2)
    expect(stdout).toBe('')
    expect(
      stderr
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([{ event: 'error', message: '--port: 70000 is no port. Allowed: 0 (any free one) to 65535.' }])
  })

  test.each([
    [['--bogus'], "unknown option '--bogus'"],
    [['--brokrs', '3'], "unknown option '--brokrs' (Did you mean --brokers?)"],
    [['now'], "too many arguments for 'serve'. Expected 0 arguments but got 1."],
    [['--topic'], "option '--topic <name:partitions:replicas>' argument missing"],
  ])('with --json %j is an error object as well', (args, message) => {
    const { status, stdout, stderr } = run(['serve', '--json', ...args])
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr.endsWith('\n')).toBe(true)
    expect(JSON.parse(stderr)).toEqual({ event: 'error', message })
  })

  test('the same topic twice with the same numbers is that topic', async () => {
    const server = await start(['--topic', 'o:1'], { KAFKA_CREATE_TOPICS: 'o' })
    expect(await server.next()).toMatch(/; topics: o$/)
    await server.stop('SIGTERM')
  })

  test('a port that is taken ends with 1', async () => {
    const server = await start([])
    const port = /localhost:(\d+)/.exec(await server.next())?.[1] as string
    const { status, stderr } = run(['serve', '--port', port])
    expect(status).toBe(1)
    expect(stderr).toContain(`port ${port} on 127.0.0.1 is in use`)
    const json = run(['serve', '--port', port, '--json'])
    expect(JSON.parse(json.stderr)).toMatchObject({ event: 'error', message: expect.stringContaining('is in use') })
    await server.stop('SIGTERM')
  })
})

describe('a command line that cannot be understood', () => {
  test.each([
    ['an unknown lesson', ['learn', '99'], ['There is no lesson "99"', '01-log-not-queue']],
    ['a mistyped command', ['sandbx'], ['Did you mean "sandbox"?']],
    ['a mistyped lesson', ['learn', '01-log-not-qeue'], ['Did you mean "01-log-not-queue"?']],
    ['an unknown option', ['learn', '--plian'], ["unknown option '--plian'", '--plain']],
    ['a language we do not have', ['--lang', 'fr'], ['Allowed choices are en, ko']],
    ['too many words', ['sandbox', 'now'], ['too many arguments']],
  ])('%s ends with 2 and says what would work', (_name, args, texts) => {
    const { status, stdout, stderr } = run(args)
    expect(status).toBe(2)
    expect(stdout).toBe('')
    for (const text of texts) expect(stderr).toContain(text)
  })
})

test('--version and --help', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(run(['--version'])).toMatchObject({ status: 0, stdout: `${version}\n` })
  const help = run(['--help'])
  expect(help.status).toBe(0)
  for (const text of ['learn', 'sandbox']) expect(help.stdout).toContain(text)
})

// What the last line of --help promises is what the commands have.
test.each(['C', 'ko_KR.UTF-8'])('--help (%s) says of which commands --lang, --plain and --ascii are', (LANG) => {
  const last = run(['--help'], { LANG }).stdout.trim().split('\n').at(-1) ?? ''
  for (const command of ['learn', 'sandbox', 'serve']) {
    const { stdout } = run([command, '--help'], { LANG })
    const takesAll = ['--lang', '--plain', '--ascii'].every((option) => stdout.includes(option))
    expect([command, last.includes(command)]).toEqual([command, takesAll])
  }
})

test('the Korean tour of the sandbox leaves no English reason over', () => {
  const { stdout } = run(['sandbox', '--lang', 'ko'])
  expect(stdout).toContain('consumer-1의 소식이 10초 동안 없었어요')
  expect(stdout).not.toMatch(/joined|left the group|heard/)
})
