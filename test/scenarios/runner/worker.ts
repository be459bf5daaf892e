/** A consumer of a scene: a process of the cluster, running what its plan says through kafkajs's API. */
import type { ClientConfig, Cluster, ProcessContext, ProcessHandle } from 'kafkarium'
import { protocolErrors } from '../../../src/client/errors/protocol-errors.ts'
import type { ProducerConfig } from '../../../src/client/index.ts'
import { errorName } from '../../../src/protocol/errors.ts'
import { batchHandler, type Desk, messageHandler } from './handlers.ts'
import { type Pipe, pipeHandler, producerOf } from './pipe.ts'
import type { Plan } from './plan.ts'
import type { Scene } from './scene.ts'

/** kafkajs's defaults; with `NODE_ENV=test`, as in this very test runner, it has others. */
export const RETRY = { maxRetryTime: 30_000, initialRetryTime: 300, factor: 0.2, multiplier: 2, retries: 5 }

type Kafka = ReturnType<Cluster['kafka']>
export type Consumer = ReturnType<Kafka['consumer']>

export interface Worker {
  readonly name: string
  readonly plan: Plan
  readonly process: ProcessHandle
  /** Of the incarnation that runs now. */
  consumer: Consumer | null
  /** What waits for the process to thaw. */
  readonly thawing: (() => void)[]
}

export function startWorker(scene: Scene, name: string, plan: Plan, pipe: Pipe | null = null): Worker {
  const { cluster } = scene
  const who = name
  const topic = plan.topic ?? scene.topic
  const main = async (context: ProcessContext<Kafka, ClientConfig>) => {
    const { incarnation, newKafka, onStop } = context
    const kafka = newKafka({
      clientId: name,
      logLevel: 2,
      logCreator: () => (entry) => listen(scene, name, plan.group, entry),
      retry: RETRY,
    })
    const consumer = kafka.consumer({
      groupId: plan.group,
      ...(plan.isStatic ? { groupInstanceId: name } : {}),
      ...(plan.retries === null ? {} : { retry: { ...RETRY, retries: plan.retries } }),
      ...plan.consumer,
    })
    worker.consumer = consumer
    consumer.on(consumer.events.COMMIT_OFFSETS, ({ payload }) => {
      for (const { topic: name, partitions } of payload.topics) {
        for (const { partition, offset } of partitions) {
          const about = { topic: name, partition: Number(partition), offset: Number(offset) }
          scene.journal.add({ kind: 'acked', who, group: plan.group, ...about })
        }
      }
    })
    onStop(() => consumer.disconnect())
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: plan.fromBeginning })
    const desk: Desk = {
      scene,
      worker,
      consumer,
      deadLetters: plan.deadLetters === null ? null : await letterBox(kafka, plan.deadLetters),
      alive: () => worker.process.incarnation === incarnation && ['running', 'frozen'].includes(worker.process.state),
    }
    await consumer.run({
      ...plan.run,
      autoCommit: pipe === null && plan.commit === 'auto',
      ...(pipe !== null
        ? { eachMessage: pipeHandler(desk, pipe, await pipeEnd(kafka, producerOf(pipe, name, incarnation))) }
        : plan.batch === null
          ? { eachMessage: messageHandler(desk) }
          : { eachBatchAutoResolve: plan.batch.resolve === 'each', eachBatch: batchHandler(desk, plan.batch) }),
    })
  }
  const worker: Worker = { name, plan, consumer: null, thawing: [], process: cluster.process(name, main) }
  worker.process.ready.catch((error: Error) => scene.failure(`${name} could not start: ${error.message}`))
  return worker
}

async function pipeEnd(kafka: Kafka, config: ProducerConfig) {
  const producer = kafka.producer(config)
  await producer.connect()
  return producer
}

async function letterBox(kafka: Kafka, topic: string): Promise<(value: string) => Promise<unknown>> {
  const producer = kafka.producer()
  await producer.connect()
  return (value) => producer.send({ topic, messages: [{ value }] })
}

interface LogEntry {
  readonly log: { readonly message: string; readonly error?: unknown }
}

/** What the client says of commits and memberships by itself: its log is the one place where it does. */
function listen(scene: Scene, who: string, group: string, { log }: LogEntry): void {
  const { message } = log
  if (message.startsWith('Unknown option')) throw scene.failure(message)
  const code = protocolErrors.find((entry) => entry.message === log.error)?.code
  if (code === undefined) return
  const error = errorName(code)
  if (message.startsWith('Response OffsetCommit')) scene.journal.add({ kind: 'refused', who, group, error })
  else if (message.includes('re-joining')) {
    scene.journal.add({ kind: 'trouble', who, text: `hears ${error} and joins again` })
  }
}
