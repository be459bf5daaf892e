/** Verbs of producers and of their transactions. */

import { readPipe } from './pipe.ts'
import { readPlan } from './plan.ts'
import { type Author, begin, end, errorText, send, startAuthor } from './producers.ts'
import type { Scene } from './scene.ts'
import { inScene, nameProblem, QUIET, type Verb } from './verb.ts'
import type { Words } from './words.ts'
import { startWorker } from './worker.ts'
import { valuesOf } from './world-verbs.ts'

export const producerVerbs: Readonly<Record<string, Verb>> = {
  producer: {
    usage: 'producer NAME … [tx=ID] [idempotent=yes] [retries=N] [transactionTimeout=TIME]',
    read(words) {
      const transactionalId = words.option('tx')
      const idempotent = words.choice('idempotent', ['yes', 'no'], 'no') === 'yes'
      const retries = words.number('retries')
      const transactionTimeout = words.milliseconds('transactionTimeout')
      const names = words.rest()
      words.end(['tx', 'idempotent', 'retries', 'transactionTimeout'])
      nameProblem(words, names)
      return inScene(words, async (scene) => {
        for (const name of names) {
          const author = startAuthor(scene, name, {
            ...(transactionalId === undefined
              ? { idempotent }
              : { transactionalId, idempotent, maxInFlightRequests: 1 }),
            ...(retries === undefined ? {} : { retry: { retries } }),
            ...(transactionTimeout === undefined ? {} : { transactionTimeout }),
          })
          scene.authors.set(name, author)
          await author.process.ready
        }
        return QUIET
      })
    },
  },

  pipe: {
    usage: 'pipe NAME … reads TOPIC writes TOPIC [tx=ID] [offsets=in|unfenced|after] [options of a consumer]',
    read(words) {
      const pipe = readPipe(words)
      const plan = readPlan(words, ['tx', 'offsets', 'transactionTimeout'])
      return inScene(words, (scene) => {
        for (const name of plan.names) {
          scene.pipes.set(plan.group, pipe)
          scene.workers.set(name, startWorker(scene, name, plan, pipe))
        }
        return QUIET
      })
    },
  },

  begin: {
    usage: 'begin NAME (a transaction)',
    read(words) {
      const name = words.word('a producer')
      words.end()
      return inScene(words, (scene) => told(words, scene, name, (author) => begin(scene, author)))
    },
  },

  send: {
    usage: 'send NAME FROM..TO | VALUE [to TOPIC] [every=TIME] [lose=answer|answers]',
    read(words) {
      const topic = words.after('to', 'a topic')
      const name = words.word('a producer')
      const values = valuesOf(words, words.word('values'))
      const every = words.milliseconds('every')
      const lose = words.choice('lose', ['answer', 'answers', 'nothing'], 'nothing')
      words.end(['every', 'lose'])
      return inScene(words, async (scene) => {
        const to = topic ?? scene.topic
        if (every !== undefined) {
          const author = authorOf(scene, words, name)
          const steadily = async () => {
            for (const value of values) {
              await send(scene, author, to, [value]).catch((error) => failed(scene, author, error))
              await scene.cluster.advance(every)
            }
          }
          // It goes on while the scene does; what ends it early is the end of the cluster.
          steadily().catch((error: Error) => {
            if (!scene.cluster.disposed) scene.failure(error.message)
          })
          return QUIET
        }
        if (lose !== 'nothing' && scene.cluster.topic(to).partitions[0]?.replicas.length === 1) {
          throw words.error('the answer of a leader without followers leaves at once: write cluster brokers=3.')
        }
        const from = scene.journal.entries.length
        const sending = told(words, scene, name, (author) => send(scene, author, to, values))
        if (lose === 'answer') await loseAnswer(scene, name, from)
        if (lose === 'answers') await loseAnswers(scene, name, from, sending)
        return await sending
      })
    },
  },

  end: {
    usage: 'end NAME commit|abort (of the transaction)',
    read(words) {
      const name = words.word('a producer')
      const how = words.word('commit or abort')
      words.end()
      if (how !== 'commit' && how !== 'abort') throw words.unknown('end of a transaction', how, ['commit', 'abort'])
      return inScene(words, (scene) => told(words, scene, name, (author) => end(scene, author, how)))
    },
  },

  ends: {
    usage: 'ends TOPIC (how far a partition is written, and how far consumers may read)',
    read(words) {
      const topic = words.word('a topic')
      words.end()
      return inScene(words, ({ cluster }) =>
        cluster
          .topic(topic)
          .partitions.map(
            ({ partition, highWatermark, lastStableOffset }) =>
              `${topic}-${partition}  high watermark ${highWatermark}, last stable offset ${lastStableOffset}`,
          ),
      )
    },
  },
}

function authorOf(scene: Scene, words: Words, name: string): Author {
  const author = scene.authors.get(name)
  if (author === undefined) throw words.unknown('producer here', name, [...scene.authors.keys()])
  return author
}

/** Nothing, or what was refused. A frozen producer is not waited for: it does what it is told when it thaws. */
async function told(
  words: Words,
  scene: Scene,
  name: string,
  call: (author: Author) => Promise<void>,
): Promise<readonly string[]> {
  const author = authorOf(scene, words, name)
  const { state } = author.process
  if (state === 'crashed' || state === 'ended') throw words.error(`${name} is ${state}.`)
  if (state === 'running') await author.process.ready
  const done = call(author).then(
    () => QUIET,
    (error) => failed(scene, author, error),
  )
  return state === 'frozen' ? QUIET : await done
}

function failed(scene: Scene, { name }: Author, error: unknown): readonly string[] {
  const text = errorText(error)
  scene.journal.add({ kind: 'said', who: name, text: `is refused: ${text}` })
  return [`${name} is refused: ${text}`]
}

/** The connection ends when the batch is in the log and its answer is on its way. */
async function loseAnswer(scene: Scene, name: string, from: number): Promise<void> {
  const node = await writtenAt(scene, name, from)
  if (node !== undefined) scene.cluster.faults.disconnect(node)
  scene.journal.add({ kind: 'broker', text: `the answer to ${name} is lost` })
}

/** From then on until the client has given up, the leader's answers do not arrive. */
async function loseAnswers(scene: Scene, name: string, from: number, sending: Promise<unknown>): Promise<void> {
  const node = await writtenAt(scene, name, from)
  if (node === undefined) return
  scene.cluster.faults.cut(node, 'clients', { oneWay: true })
  scene.journal.add({ kind: 'broker', text: `no answer reaches ${name}` })
  await sending
  scene.cluster.faults.heal(node, 'clients')
}

/** The leader that has it. */
async function writtenAt({ cluster, journal }: Scene, name: string, from: number): Promise<number | undefined> {
  const written = () => journal.entries.slice(from).find((entry) => entry.kind === 'written' && entry.client === name)
  await cluster.until(() => written() !== undefined, { what: `${name} writes` })
  const found = written()
  return found?.kind === 'written' ? found.node : undefined
}
