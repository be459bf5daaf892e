/**
 * What handlers do in their own time. An effect is noted the moment the work is done, unless the process has died; a frozen
 * process does nothing until it thaws, as a machine that stands still would.
 */

import type { Place } from './journal.ts'
import type { Plan } from './plan.ts'
import type { Scene } from './scene.ts'
import { draw } from './time.ts'
import type { Consumer, Worker } from './worker.ts'

type Run = NonNullable<Parameters<Consumer['run']>[0]>
type EachMessage = NonNullable<Run['eachMessage']>
type EachBatch = NonNullable<Run['eachBatch']>

/** Where one incarnation of a consumer works. */
export interface Desk {
  readonly scene: Scene
  readonly worker: Worker
  readonly consumer: Consumer
  readonly deadLetters: ((value: string) => Promise<unknown>) | null
  /** Whether this incarnation is not dead. */
  alive(): boolean
}

/** One record to work on. */
interface Job {
  readonly place: Place
  readonly value: string
  readonly heartbeat: () => Promise<void>
}

/** Thrown by the work on a poison pill. */
class BadRecord extends Error {}

export function messageHandler(desk: Desk): EachMessage {
  const { plan } = desk.worker
  return async ({ topic, partition, message, heartbeat }) => {
    const place = { topic, partition, offset: Number(message.offset) }
    const job = { place, value: String(message.value), heartbeat }
    if (plan.commit === 'before') {
      await commit(desk, place, place.offset + 1)
      await pass(desk, plan.gap)
    }
    if (plan.awaited) await work(desk, job)
    // Nobody will ever hear of its failure, as with any promise that is not awaited.
    else work(desk, job).catch(() => {})
    if (plan.commit === 'before' || plan.commit === 'never') return
    await pass(desk, plan.gap)
    if (plan.commit === 'after') await commit(desk, place, place.offset + 1)
    if (plan.commit === 'same') await commit(desk, place, place.offset)
  }
}

/** `eachBatch`: so many at a time, each resolved by itself or in order. */
export function batchHandler(desk: Desk, { atOnce, resolve }: NonNullable<Plan['batch']>): EachBatch {
  return async ({
    batch,
    resolveOffset,
    commitOffsetsIfNecessary,
    uncommittedOffsets,
    heartbeat,
    isRunning,
    isStale,
  }) => {
    const done = new Set<number>()
    const waiting = [...batch.messages]
    const offsets = waiting.map(({ offset }) => Number(offset))
    const resolved = async (offset: number) => {
      resolveOffset(String(offset))
      await commitOffsetsIfNecessary(uncommittedOffsets())
    }
    const one = async () => {
      for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) {
        if (!isRunning() || isStale() || !desk.alive()) return
        const offset = Number(message.offset)
        if (resolve === 'before') resolveOffset(message.offset)
        const place = { topic: batch.topic, partition: batch.partition, offset }
        await work(desk, { place, value: String(message.value), heartbeat })
        done.add(offset)
        if (resolve === 'after') resolveOffset(message.offset)
        if (resolve === 'as-done') await resolved(offset)
        if (resolve === 'prefix') {
          const first = offsets.find((candidate) => !done.has(candidate)) ?? Infinity
          const last = offsets.filter((candidate) => candidate < first).at(-1)
          if (last !== undefined) await resolved(last)
        }
      }
    }
    await Promise.all(Array.from({ length: atOnce }, one))
  }
}

/** The work on one record, with its end noted. */
export async function work(desk: Desk, { place, value, heartbeat }: Job): Promise<void> {
  const { scene, worker, alive } = desk
  const { name: who, plan } = worker
  const about = { who, group: plan.group, place, value }
  if (!alive()) return
  scene.journal.add({ kind: 'began', ...about })
  const stopTimer = plan.timer ? beatBeside(desk, heartbeat) : null
  try {
    if (plan.hangs.has(value)) await new Promise(() => {})
    await busy(desk, value, heartbeat)
    if (!alive()) return
    if (plan.throws.has(value)) throw new BadRecord(`cannot read ${value}`)
  } catch (error) {
    if (!(error instanceof BadRecord)) throw error
    if (desk.deadLetters === null) {
      scene.journal.add({ kind: 'threw', ...about, text: error.message })
      throw error
    }
    await desk.deadLetters(value)
    if (alive()) scene.journal.add({ kind: 'buried', ...about, text: plan.deadLetters ?? '' })
    return
  } finally {
    stopTimer?.()
  }
  const had = plan.once !== 'no' && scene.had(about, plan.once === 'value' ? value : null)
  scene.journal.add({ kind: had ? 'refused-effect' : 'did', ...about })
}

/** Lets the time pass that the work takes, with a heartbeat now and then if the plan says so. */
async function busy(desk: Desk, value: string, heartbeat: () => Promise<void>): Promise<void> {
  const { scene, worker } = desk
  const { plan } = worker
  let left = plan.slow.get(value) ?? draw(plan.work, scene.dice, `work ${worker.name} ${value}`)
  if (plan.heartbeat !== null && !plan.timer) {
    for (; left > plan.heartbeat; left -= plan.heartbeat) {
      await pass(desk, plan.heartbeat)
      await heartbeat()
    }
  }
  await pass(desk, left)
}

/** `setInterval(heartbeat)`: it beats whatever the handler does. */
function beatBeside(desk: Desk, heartbeat: () => Promise<void>): () => void {
  const { worker, alive } = desk
  let on = true
  const beat = async () => {
    while (on && alive()) {
      await pass(desk, worker.plan.heartbeat ?? 0)
      // A timer's callback has nobody to throw to.
      if (on && alive()) await heartbeat().catch(() => {})
    }
  }
  beat().catch(() => {})
  return () => {
    on = false
  }
}

/** What a frozen process waits for goes on without it, as I/O does: it is there when it thaws. */
export async function pass({ scene, worker }: Desk, ms: number): Promise<void> {
  if (ms > 0) await scene.cluster.advance(ms)
  while (worker.process.state === 'frozen') await new Promise<void>((resolve) => worker.thawing.push(resolve))
}

export async function commit({ consumer, worker }: Desk, { topic, partition }: Place, offset: number): Promise<void> {
  try {
    await consumer.commitOffsets([{ topic, partition, offset: String(offset) }])
  } catch (error) {
    if (!worker.plan.ignoresCommitErrors) throw error
  }
}
