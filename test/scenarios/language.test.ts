/** The language of the scenarios: what it refuses and how it says so, what a seed decides, and that files are left as they are. */
import { describe, expect, test } from 'vitest'
import { differenceOf } from './runner/difference.ts'
import { runScenario } from './runner/run.ts'
import { diceOf } from './runner/time.ts'

const scenario = (...lines: string[]) => `# A title\n\n${lines.join('\n')}\n----\n`
const printedBy = async (...lines: string[]) => (await runScenario(scenario(...lines))).split('----\n')[1]?.trim()

describe('what it does not understand is refused, with its line and a hint, before anything runs', () => {
  const cases: [refused: string, lines: string[], message: RegExp][] = [
    ['a verb', ['cluster', 'prodcue 1..3'], /^line 4: "prodcue" is no command\. Did you mean "produce"\?/],
    [
      'an option',
      ['cluster', 'consumer anna sesionTimeout=1m'],
      /^line 4: "sesionTimeout" is no option of consumer\. Did you mean "sessionTimeout"\?/,
    ],
    ['a value', ['cluster', 'consumer anna commit=afer'], /"afer" is no value of commit\. Did you mean "after"\?/],
    ['a time', ['cluster', 'wait soon'], /^line 4: "soon" is no time: write 250ms, 45s/],
    ['a range that runs backwards', ['cluster', 'wait 5s..1s'], /"5s\.\.1s" is no time/],
    ['a word too many', ['cluster', 'wait 5s please'], /^line 4: wait does not understand "please"/],
    ['an option given twice', ['cluster', 'consumer anna work=1s work=2s'], /the option work is given twice/],
    ['a missing word', ['cluster', 'produce'], /^line 4: produce lacks values\. Write: produce FROM\.\.TO/],
    ['a name', ['cluster', 'consumer Anna'], /"Anna" is no name: small letters and digits/],
    ['a thing to count', ['odds 5', '  cluster', '  count lost-efect'], /Did you mean "lost-effect"\?/],
    ['odds that count nothing', ['odds 5', '  cluster'], /^line 3: odds lacks a line that says what to count/],
    [
      'an end that is none',
      ['cluster', 'end anna comit'],
      /"comit" is no end of a transaction\. Did you mean "commit"\?/,
    ],
    ['a pipe without an end', ['cluster', 'pipe anna reads orders'], /^line 4: pipe lacks where to: writes TOPIC\./],
    ['a bookmark in no transaction', ['cluster', 'pipe anna writes b offsets=in'], /offsets=in needs tx=ID/],
    ['an indented line elsewhere', ['cluster', '  wait 5s'], /^line 4: only what belongs to odds is indented/],
  ]
  test.each(cases)('%s', async (_refused, lines, message) => {
    await expect(runScenario(scenario(...lines))).rejects.toThrow(message)
  })

  test('a block without ----, a file without a title', async () => {
    await expect(runScenario('# A title\n\ncluster\nwait 5s\n')).rejects.toThrow(/^line 3: prose begins with a capital/)
    await expect(runScenario('cluster\n----\n')).rejects.toThrow(/^line 1: a scenario begins with its title/)
  })
})

describe('what goes wrong while it runs says where', () => {
  test('a consumer nobody has started, a command before the first scene', async () => {
    await expect(runScenario(scenario('cluster', 'consumer anna', 'crash ana'))).rejects.toThrow(
      /^line 5: "ana" is no consumer here\. Did you mean "anna"\?/,
    )
    await expect(runScenario(scenario('wait 5s'))).rejects.toThrow(/^line 3: a scene begins with a line: cluster/)
  })

  test('what the cluster refuses, with the seed in odds', async () => {
    await expect(runScenario(scenario('cluster', 'produce 1 to invoices'))).rejects.toThrow(
      /^line 4: produce 1 to invoices: There is no topic "invoices"/,
    )
    const twice = scenario('odds 2', '  cluster', '  consumer anna', '  crash anna', '  crash anna', '  count stuck')
    await expect(runScenario(twice)).rejects.toThrow(
      /^line 7: crash anna \(seed 0\): process "anna" is crashed already/,
    )
  })

  test('an assignor nobody has', async () => {
    const script = scenario('cluster', 'consumer anna assignor=no-such-assignor', 'wait 1s')
    await expect(runScenario(script)).rejects.toThrow(/assignor/)
  })
})

describe('what it prints', () => {
  test('the same every time', async () => {
    const lines = ['odds 20', '  cluster', '  produce 0..4', '  consumer anna from=beginning work=1s', '  wait 0s..9s']
    const script = scenario(...lines, '  crash anna', '  restart anna', '  wait 50s', '  count dup-effect stuck')
    const first = await runScenario(script)
    expect(await runScenario(script)).toBe(first)
    expect(await runScenario(first)).toBe(first)
    // Some seeds and not others.
    expect(first).toMatch(/dup-effect {2}in ([1-9]|1\d) of 20 seeds/)
  })

  test('a block that has nothing to say says ok; prose stays as it is', async () => {
    expect(await printedBy('cluster', 'wait 1s')).toBe('ok')
    const text = '# A title\n\nSome prose,\n  in two lines.\n\ncluster\n----\nok\n'
    expect(await runScenario(text)).toBe(text)
  })

  test('times from the beginning of the scene, consumers by name', async () => {
    const printed = await printedBy('cluster', 'produce 0', 'consumer anna from=beginning', 'wait 5s', 'story')
    expect(printed).toMatch(/^0\.008s +anna starts$/m)
    expect(printed).toMatch(/billing is stable, generation 1: anna has orders-0/)
    expect(printed).not.toMatch(/0000/)
  })

  test('a wrong that did not happen is told as well: the judge sees both', async () => {
    const lines = [
      'cluster',
      'produce 0..2',
      'consumer anna from=beginning commit=before work=1s',
      'until anna begins 1',
    ]
    const printed = await printedBy(...lines, 'crash anna', 'restart anna', 'wait 60s', 'check')
    expect(printed?.split('\n')).toEqual(['lost-effect  1', 'dup-effect   none'])
  })
})

describe('producers', () => {
  test('one nobody has started, a transaction nobody has begun, an answer nobody waits for', async () => {
    await expect(runScenario(scenario('cluster', 'producer anna', 'begin ana'))).rejects.toThrow(
      /^line 5: "ana" is no producer here\. Did you mean "anna"\?/,
    )
    expect(await printedBy('cluster', 'producer anna tx=a', 'end anna abort')).toBe(
      'anna is refused: anna has begun no transaction',
    )
    await expect(runScenario(scenario('cluster', 'producer anna', 'send anna 1 lose=answer'))).rejects.toThrow(
      /^line 5: the answer of a leader without followers leaves at once/,
    )
  })

  test('the judge sees what is there twice, in the log and not in aborted transactions', async () => {
    const lines = ['cluster', 'producer anna tx=a', 'begin anna', 'send anna 1', 'end anna abort', 'begin anna']
    const once = [...lines, 'send anna 1', 'end anna commit', 'wait 1s']
    expect(await printedBy(...once, 'check')).toBe('lost-append  none\ndup-append   none')
    expect(await printedBy(...once, 'send anna 1', 'check')).toBe('lost-append  none\ndup-append   1')
  })
})

test('brokers can be frozen, cut off and brought back', async () => {
  const printed = await printedBy(
    'cluster brokers=3',
    'freeze broker 2',
    'wait 20s',
    'thaw broker 2',
    'isolate broker 3',
    'wait 20s',
    'heal',
    'produce 0..2',
    'crash broker 1',
    'wait 20s',
    'restart broker 1',
    'wait 20s',
    'story',
    'records orders',
  )
  expect(printed?.split('\n').map((line) => line.replace(/^[\dm.]+s +/, ''))).toEqual([
    'broker 2 stands still',
    'broker 2 is fenced: the controller has given it up',
    'broker 2 goes on',
    'broker 3 is fenced: the controller has given it up',
    'broker 1 crashes',
    'broker 1 is fenced: the controller has given it up',
    'broker 1 starts again',
    ...['0', '1', '2'].map((value) => `orders-0@${value}    ${value}`),
  ])
})

test('seeds draw evenly, each on its own', () => {
  const tenths = Array.from({ length: 10 }, () => 0)
  const first = new Set<number>()
  for (let seed = 0; seed < 200; seed++) {
    const tenth = diceOf(seed)('wait 1', 10)
    tenths[tenth] = (tenths[tenth] ?? 0) + 1
    first.add(diceOf(seed)('wait 1', 1_000_000))
  }
  // Twenty each: beyond four standard deviations it is no chance.
  for (const count of tenths) expect(Math.abs(count - 20)).toBeLessThan(4 * Math.sqrt(200 * 0.1 * 0.9))
  expect(first.size).toBeGreaterThan(195)
})

test('a difference is shown with the lines of the file', () => {
  const text = '# T\n\ncluster\nlag\n----\nlag 1\nlag 2\n\nEnd.\n'
  expect(differenceOf('x.txt', text, text.replace('lag 2', 'lag 3')).split('\n')).toEqual([
    'x.txt:7 prints something else now.',
    '    4   lag',
    '    5   ----',
    '    6   lag 1',
    '    7 - lag 2',
    '      + lag 3',
    'If it is right as it is now: npx vitest run test/scenarios -u',
  ])
})
