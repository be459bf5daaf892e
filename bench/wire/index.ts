/**
 * How fast the byte doors are beside other brokers: `npm run bench:wire [-- ROUNDS]`. Opponents are whatever can be had here: kfake
 * needs Go, librdkafka's mock cluster Python, Apache Kafka Java and Maven. They are built or downloaded once, into .kafkarium/wire,
 * listen at the loopback, and end with the bench.
 */
/* biome-ignore-all lint/suspicious/noConsole: the table is what this is for. */
import { add, footer, header, remark } from '../table.ts'
import { codecLines } from './codec.ts'
import { kafka } from './opponents/kafka.ts'
import { kafkarium } from './opponents/kafkarium.ts'
import { kfake } from './opponents/kfake.ts'
import { mock } from './opponents/mock.ts'
import type { Broker, Opponent } from './opponents/opponent.ts'
import { runJson } from './process.ts'
import { pythonWith } from './python.ts'
import { interleave, medianOf, type Results, type Runner, table } from './rounds.ts'
import { startupLines } from './startup.ts'

const rounds = Number(process.argv[2] ?? 5)
const here = (file: string) => `.kafkarium/wire/${file}`
const OURS = kafkarium.name
const SOCKET = 'in process'
const CONTROLLED = 'in process, controlTime'

const brokers = new Map<Opponent, Broker>()
for (const opponent of [kafkarium, kfake, mock, kafka]) {
  try {
    brokers.set(opponent, await opponent.start())
    if (opponent.note !== undefined) console.log(`${opponent.name}: ${opponent.note}`)
  } catch (error) {
    if (opponent === kafkarium) throw error
    console.log(`skipped: ${opponent.name}: ${(error as Error).message}`)
  }
}

const kafkajs = await byKafkajs()
const python = await byKafkaPython()
for (const broker of brokers.values()) await broker.stop()

header()
compare(kafkajs, 'produce', 'more', 0.95, 'produced over TCP: ratio to the fastest of the others')
compare(kafkajs, 'consume', 'more', 0.95, 'consumed over TCP: ratio to the fastest of the others')
compare(kafkajs, 'first', 'less', 1, 'join → first record over TCP: ratio to the shortest of the others')
for (const measure of ['produce', 'consume'] as const) {
  for (const how of [SOCKET, CONTROLLED]) {
    const ratio = medianOf(kafkajs, how, measure) / medianOf(kafkajs, OURS, measure)
    add(`${measure}d ${how}: ratio to TCP`, ratio, '×', 'more', 0.8)
  }
}
if (python !== null)
  compare(python, 'loop', 'less', 1, 'kafka-python, 10,000 × send and flush: ratio to kfake', [kfake.name])
codecLines()
await startupLines()
footer()

/** The real kafkajs: over TCP to every broker, and in process. */
async function byKafkajs(): Promise<Results> {
  const workload = (round: number, ...args: string[]) =>
    runJson(process.execPath, [here('workload.mjs'), ...args, `bench-${round}`])
  const overTcp = [...brokers].map(
    ([{ name }, { bootstrap, pid }]): Runner => ({ name, pid, run: (round) => workload(round, 'tcp', bootstrap) }),
  )
  const inProcess: Runner[] = [
    { name: SOCKET, run: (round) => workload(round, 'socket', '') },
    { name: CONTROLLED, run: (round) => workload(round, 'controlled', '') },
  ]
  console.log(
    `\nkafkajs 2.2.4, 200,000 × 100 B, 4 partitions, batches of 1,000, acks −1; medians of ${rounds} rounds\n`,
  )
  const results = await interleave([...overTcp, ...inProcess], rounds)
  table(results, [
    ['produce', 'produced msg/s'],
    ['consume', 'consumed msg/s'],
    ['first', 'join → first, ms'],
    ['cpu', 'broker CPU, ms'],
  ])
  return results
}

async function byKafkaPython(): Promise<Results | null> {
  let interpreter: string
  try {
    interpreter = pythonWith('kafka-python', '3.0.12')
  } catch (error) {
    console.log(`skipped: kafka-python: ${(error as Error).message}`)
    return null
  }
  const runners = [...brokers].map(
    ([{ name }, { bootstrap, pid }]): Runner => ({
      name,
      pid,
      run: (round) => runJson(interpreter, ['bench/wire/tutorial.py', bootstrap, `loop-${round}`]),
    }),
  )
  console.log(`kafka-python 3.0.12, 10,000 × send and flush; medians of ${rounds} rounds\n`)
  const results = await interleave(runners, rounds)
  table(results, [
    ['loop', 'ms'],
    ['cpu', 'broker CPU, ms'],
  ])
  return results
}

/** Our median over the best of the others'. */
function compare(
  results: Results,
  measure: string,
  better: 'less' | 'more',
  target: number,
  what: string,
  others: readonly string[] = [...brokers.keys()].map(({ name }) => name).filter((name) => name !== OURS),
): void {
  const theirs = others
    .map((name) => ({ name, value: medianOf(results, name, measure) }))
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => (better === 'more' ? b.value - a.value : a.value - b.value))
  const [best] = theirs
  if (best === undefined) return remark(`${what}: nobody to compare with`)
  add(what, medianOf(results, OURS, measure) / best.value, '×', better, target)
  remark(`the best of them: ${best.name}`)
}
