/** Consume, transform, produce: a worker that reads one topic, writes another, and moves its bookmark, in one transaction or not. */
import type { ProducerConfig } from '../../../src/client/index.ts'
import { commit, type Desk, pass, work } from './handlers.ts'
import { errorText, type Producer } from './producers.ts'
import type { Words } from './words.ts'
import type { Consumer } from './worker.ts'

type EachMessage = NonNullable<NonNullable<Parameters<Consumer['run']>[0]>['eachMessage']>

export interface Pipe {
  readonly target: string
  /** Null: no transactions. `own`: the process's name; `fresh`: another one at every start. */
  readonly transactionalId: string | null
  /** The bookmark moves in the transaction, with or without saying whose it is; or by itself after it. */
  readonly offsets: 'in' | 'unfenced' | 'after'
  readonly transactionTimeout: number | null
}

/** What a `pipe` line says beyond what a `consumer` line does. */
export function readPipe(words: Words): Pipe {
  const target = words.after('writes', 'a topic')
  if (target === undefined) throw words.error('pipe lacks where to: writes TOPIC.')
  const transactionalId = words.option('tx') ?? null
  const offsets = words.choice('offsets', ['in', 'unfenced', 'after'], transactionalId === null ? 'after' : 'in')
  if (transactionalId === null && offsets !== 'after') throw words.error(`offsets=${offsets} needs tx=ID.`)
  return { target, transactionalId, offsets, transactionTimeout: words.milliseconds('transactionTimeout') ?? null }
}

/** How its producer is made. */
export function producerOf(pipe: Pipe, name: string, incarnation: number): ProducerConfig {
  const { transactionalId, transactionTimeout } = pipe
  if (transactionalId === null) return { idempotent: true, maxInFlightRequests: 1 }
  const ids: Readonly<Record<string, string>> = { own: name, fresh: `${name}-${incarnation}` }
  return {
    idempotent: true,
    maxInFlightRequests: 1,
    transactionalId: ids[transactionalId] ?? transactionalId,
    ...(transactionTimeout === null ? {} : { transactionTimeout }),
  }
}

/** Work, write the result under the value of its record, wait for the `gap`, move the bookmark. */
export function pipeHandler(desk: Desk, pipe: Pipe, producer: Producer): EachMessage {
  const { consumer, worker, scene } = desk
  const { name: who, plan } = worker
  return async ({ topic, partition, message, heartbeat }) => {
    const place = { topic, partition, offset: Number(message.offset) }
    const value = String(message.value)
    const groupMetadata = consumer.groupMetadata()
    const transaction = pipe.transactionalId === null ? null : await producer.transaction()
    const out = scene.cluster.topic(pipe.target).partitions.length
    try {
      await work(desk, { place, value, heartbeat })
      await (transaction ?? producer).send({ topic: pipe.target, messages: [{ value, partition: partition % out }] })
      if (desk.alive()) scene.journal.add({ kind: 'sent', who, group: plan.group, place, value, text: pipe.target })
      await pass(desk, plan.gap)
      if (transaction !== null && pipe.offsets !== 'after') {
        await transaction.sendOffsets({
          consumerGroupId: plan.group,
          topics: [{ topic, partitions: [{ partition, offset: String(place.offset + 1) }] }],
          ...(pipe.offsets === 'in' ? { groupMetadata } : {}),
        })
      }
      await transaction?.commit()
    } catch (error) {
      scene.journal.add({ kind: 'said', who, text: `is refused: ${errorText(error)}` })
      if (transaction?.isActive()) {
        await transaction.abort().catch(() => {})
      }
      throw error
    }
    if (pipe.offsets !== 'after') return
    if (transaction !== null) await pass(desk, plan.gap)
    await commit(desk, place, place.offset + 1)
  }
}
