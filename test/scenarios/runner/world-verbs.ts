/** Verbs that make a world, move its time and break its machines. */

import { readPlan } from './plan.ts'
import type { Author } from './producers.ts'
import { openScene, type Scene } from './scene.ts'
import { draw } from './time.ts'
import { inScene, machineOf, partitionOf, QUIET, type Verb, workerOf } from './verb.ts'
import type { Words } from './words.ts'
import { startWorker, type Worker } from './worker.ts'

export const worldVerbs: Readonly<Record<string, Verb>> = {
  cluster: {
    usage: 'cluster [TOPIC:PARTITIONS …] [brokers=N] [replicas=N] [any.broker.config=VALUE …]',
    read(words) {
      const config = Object.fromEntries(words.options((name) => name.includes('.')))
      const brokers = words.number('brokers') ?? 1
      const replicas = words.number('replicas') ?? brokers
      const topics = new Map<string, number>()
      for (const word of words.rest()) {
        const match = /^([\w.-]+):(\d+)$/.exec(word)
        if (match === null) throw words.error(`"${word}" is no topic: write its name and partitions, as in orders:4.`)
        topics.set(match[1] as string, Number(match[2]))
      }
      if (topics.size === 0) topics.set('orders', 1)
      words.end(['brokers', 'replicas'])
      return async (stage) => {
        await stage.scene?.cluster.dispose()
        stage.scene = openScene({ brokers, replicas, topics, config }, stage.seed)
        return QUIET
      }
    },
  },

  consumer: {
    usage: 'consumer NAME … [of GROUP] [reads TOPIC] [options, see README.md]',
    read(words) {
      const plan = readPlan(words)
      return inScene(words, (scene) => {
        for (const name of plan.names) {
          if (scene.workers.has(name)) throw words.error(`there is a consumer ${name} already.`)
          scene.workers.set(name, startWorker(scene, name, plan))
        }
        return QUIET
      })
    },
  },

  produce: {
    usage: 'produce FROM..TO | VALUE [to TOPIC] [every=TIME]',
    read(words) {
      const topic = words.after('to', 'a topic')
      const values = valuesOf(words, words.word('values'))
      const every = words.milliseconds('every')
      words.end(['every'])
      return inScene(words, async (scene) => {
        const write = writerOf(scene, topic ?? scene.topic)
        if (every === undefined) {
          await write(values)
          return QUIET
        }
        const steadily = async () => {
          for (const value of values) {
            await write([value])
            await scene.cluster.advance(every)
          }
        }
        // It goes on while the scene does; what ends it early is the end of the cluster.
        steadily().catch((error: Error) => {
          if (!scene.cluster.disposed) scene.failure(error.message)
        })
        return QUIET
      })
    },
  },

  wait: {
    usage: 'wait TIME | FROM..TO (drawn by the seed)',
    read(words) {
      const span = words.span(words.word('a time'))
      words.end()
      return inScene(words, async (scene) => {
        scene.draws += 1
        await scene.cluster.advance(draw(span, scene.dice, `wait ${scene.draws}`))
        return QUIET
      })
    },
  },

  until: {
    usage: 'until stable [MEMBERS] [of GROUP] | until NAME begins|did|sent VALUE',
    read(words) {
      const group = words.after('of', 'a group') ?? 'billing'
      const first = words.word('what to wait for')
      if (first === 'stable') {
        const members = words.maybe()
        words.end()
        return inScene(words, async (scene) => {
          await scene.cluster.group(group).stable(members === undefined ? {} : { members: Number(members) })
          return QUIET
        })
      }
      const what = words.word('begins, did or sent')
      if (what !== 'begins' && what !== 'did' && what !== 'sent') {
        throw words.unknown('thing to wait for', what, ['begins', 'did', 'sent'])
      }
      const value = words.word('a value')
      words.end()
      const kind = what === 'begins' ? 'began' : what
      return inScene(words, async (scene) => {
        workerOf(scene, words, first)
        const { entries } = scene.journal
        const from = entries.length
        const reached = () =>
          entries.slice(from).some((entry) => entry.kind === kind && entry.who === first && entry.value === value)
        await scene.cluster.until(reached, { what: words.line.text.trim() })
        return QUIET
      })
    },
  },

  crash: machineVerb('crash', {
    worker: (_scene, { process }) => process.crash(),
    broker: (scene, id) => scene.cluster.faults.crash(id),
  }),
  restart: machineVerb('restart', {
    worker(scene, { process }) {
      // It need not be done when the next command comes: it joins its group while time passes.
      process.restart().catch((error: Error) => scene.failure(error.message))
    },
    broker: (scene, id) => scene.cluster.faults.restart(id),
  }),
  freeze: machineVerb('freeze', {
    worker: (_scene, { process }) => process.freeze(),
    broker: (scene, id) => scene.cluster.faults.pause(id),
  }),
  thaw: machineVerb('thaw', {
    worker(_scene, { process, thawing }) {
      process.thaw()
      for (const go of thawing.splice(0)) go()
    },
    broker: (scene, id) => scene.cluster.faults.resume(id),
  }),
  stop: machineVerb('stop', {
    worker: (_scene, { process }) => process.stop(),
    broker: (scene, id) => scene.cluster.faults.stop(id),
  }),
  isolate: machineVerb('isolate', {
    worker: null,
    broker: (scene, id) => scene.cluster.faults.isolate(id),
  }),
  disconnect: machineVerb('disconnect', {
    worker: null,
    broker: (scene, id) => scene.cluster.faults.disconnect(id),
  }),
  heal: {
    usage: 'heal (every link between brokers)',
    read(words) {
      words.end()
      return inScene(words, (scene) => {
        scene.cluster.faults.heal()
        return QUIET
      })
    },
  },

  commit: {
    usage: 'commit NAME PARTITION OFFSET',
    read(words) {
      const name = words.word('a consumer')
      const { topic, partition } = partitionOf(words, words.word('a partition'))
      const offset = words.word('an offset')
      words.end()
      return inScene(words, async (scene) => {
        const { consumer } = workerOf(scene, words, name)
        return await told(async () => consumer?.commitOffsets([{ topic, partition, offset }]))
      })
    },
  },

  seek: {
    usage: 'seek NAME PARTITION OFFSET',
    read(words) {
      const name = words.word('a consumer')
      const { topic, partition } = partitionOf(words, words.word('a partition'))
      const offset = words.word('an offset')
      words.end()
      return inScene(words, (scene) => {
        workerOf(scene, words, name).consumer?.seek({ topic, partition, offset })
        return QUIET
      })
    },
  },

  reset: {
    usage: 'reset [of GROUP] PARTITION OFFSET | reset [of GROUP] TOPIC beginning|end',
    read(words) {
      const groupId = words.after('of', 'a group') ?? 'billing'
      const where = words.word('a partition or a topic')
      const to = words.word('an offset, beginning or end')
      words.end()
      return inScene(words, async (scene) => {
        const admin = scene.cluster.kafka({ clientId: 'admin', logLevel: 0 }).admin()
        await admin.connect()
        const answer = await told(async () => {
          if (to === 'beginning' || to === 'end') {
            return admin.resetOffsets({ groupId, topic: where, earliest: to === 'beginning' })
          }
          const { topic, partition } = partitionOf(words, where)
          return admin.setOffsets({ groupId, topic, partitions: [{ partition, offset: to }] })
        })
        await admin.disconnect()
        return answer
      })
    },
  },
}

/** A verb for consumers by name, or for `broker N`, or for the `coordinator` of a group. */
function machineVerb(
  verb: string,
  does: {
    readonly worker: ((scene: Scene, machine: Worker | Author) => unknown) | null
    readonly broker: (scene: Scene, id: number) => void
  },
): Verb {
  return {
    usage: `${verb} ${does.worker === null ? '' : 'NAME … | '}broker N | coordinator [of GROUP]`,
    read(words) {
      const group = words.after('of', 'a group') ?? 'billing'
      const names = words.rest()
      words.end()
      if (names.length === 0) throw words.error(`${verb} lacks a name.`)
      return inScene(words, async (scene) => {
        if (names[0] === 'broker') does.broker(scene, Number(names[1]))
        else if (names[0] === 'coordinator') does.broker(scene, scene.cluster.group(group).view()?.coordinator ?? -1)
        else {
          if (does.worker === null) throw words.error(`${verb} is for brokers.`)
          const machines = names.map((name) => machineOf(scene, words, name))
          for (const machine of machines) await does.worker(scene, machine)
        }
        return QUIET
      })
    },
  }
}

/** `0..9` or one value. */
export function valuesOf(words: Words, text: string): string[] {
  const match = /^(\d+)\.\.(\d+)$/.exec(text)
  if (match === null) return [text]
  const [from, to] = [Number(match[1]), Number(match[2])]
  if (to < from) throw words.error(`${text} runs backwards.`)
  return Array.from({ length: to - from + 1 }, (_unused, i) => String(from + i))
}

/** Writes to the partitions of a topic in turn, as `shop`. */
function writerOf(scene: Scene, topic: string): (values: readonly string[]) => Promise<void> {
  const producer = scene.cluster.kafka({ clientId: 'shop', logLevel: 0, retry: { retries: 30 } }).producer()
  let connected = false
  return async (values) => {
    if (!connected) await producer.connect()
    connected = true
    const { partitions } = scene.cluster.topic(topic)
    const before = scene.written.get(topic) ?? 0
    scene.written.set(topic, before + values.length)
    const messages = values.map((value, i) => ({ value, partition: (before + i) % partitions.length }))
    await producer.send({ topic, messages })
  }
}

/** `ok`, or the error by Kafka's name. */
async function told(call: () => Promise<unknown>): Promise<readonly string[]> {
  try {
    await call()
    return ['ok']
  } catch (error) {
    const { type, message } = error as Error & { type?: string }
    return [`refused: ${type ?? message}`]
  }
}
