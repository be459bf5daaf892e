/**
 * What a broker does to its logs from time to time: old segments go (LogManager.cleanupLogs), compacted topics are compacted
 * (LogCleaner). Kafka looks every so often; here a timer is armed for the first look that finds something, so that logs in
 * which nothing can change cost nothing. Every replica does its own.
 */
import { DecodeError } from '../protocol/fault.ts'
import { type Context, type Decision, sectionOf } from './decision.ts'
import {
  cleanableRange,
  cleanLog,
  deleteOldSegments,
  nextCleaning,
  nextDeletion,
  nextProducerExpiry,
  type PartitionLog,
  removeExpiredProducers,
} from './log/index.ts'
import { nextLook } from './looks.ts'
import type { BrokerState } from './state.ts'

export type MaintenanceKind = 'retention' | 'cleaner' | 'producers'

/** When each is due, Infinity while it is not armed. */
export type MaintenanceTimes = Record<MaintenanceKind, number>

/** Called with a log whose start has moved. */
export type OnLogStart = (log: PartitionLog) => void

/** Compacted topics are the cleaner's alone, also what retention takes of them (LogCleanerManager.deletableLogs). */
function kindOf(log: PartitionLog): 'retention' | 'cleaner' {
  return log.config.compact ? 'cleaner' : 'retention'
}

/** Arms what a log needs, if it comes before what is armed. Called when a log, its high watermark or its configuration changed. */
export function armMaintenance(state: BrokerState, log: PartitionLog, now: number, out: Decision): void {
  armProducerExpiry(state, log, now, out)
  const { config } = log
  const kind = kindOf(log)
  if (kind === 'cleaner' && config.cleaner === null) return
  const every = Math.max(
    1,
    config.cleaner !== null && kind === 'cleaner' ? config.cleaner.backoffMs : config.retentionCheckMs,
  )
  const armed = state.maintenance[kind]
  // None comes before the next one, which is all there is to know mostly.
  if (armed <= nextLook(now, every, now)) return
  const due = kind === 'cleaner' ? Math.min(nextDeletion(log), nextCleaning(log, now)) : nextDeletion(log)
  arm(state, kind, nextLook(due, every, now), out)
}

/** The same for producers that the log will have to forget. */
export function armProducerExpiry(state: BrokerState, log: PartitionLog, now: number, out: Decision): void {
  const due = nextProducerExpiry(log)
  if (due >= state.maintenance.producers) return
  const every = log.config.producerExpiryCheckMs
  arm(state, 'producers', nextLook(due, every, now), out)
}

function arm(state: BrokerState, kind: MaintenanceKind, at: number, out: Decision): void {
  // Beyond any date is never.
  if (at >= state.maintenance[kind] || at > Number.MAX_SAFE_INTEGER) return
  state.maintenance[kind] = at
  out.timers.push({ key: kind, at, timer: { type: kind } })
}

/** The moment has come: looks at every log, and sees when the next one is. */
export function maintain(
  state: BrokerState,
  kind: MaintenanceKind,
  ctx: Context,
  out: Decision,
  onLogStart: OnLogStart,
): void {
  state.maintenance[kind] = Infinity
  if (kind === 'producers') return expireProducers(state, ctx, out)
  const logs = [...state.logs.values()].flat().filter((log) => log !== undefined && kindOf(log) === kind)
  for (const log of logs) {
    if (kind === 'cleaner') {
      if (log.config.cleaner === null) continue
      clean(state, log, ctx, out)
    }
    if (deleteOldSegments(log, ctx.now)) onLogStart(log)
    state.touched?.partitions.add(log.key)
  }
  for (const log of logs) armMaintenance(state, log, ctx.now, out)
}

/** UnifiedLog.removeExpiredProducers. */
function expireProducers(state: BrokerState, { now }: Context, out: Decision): void {
  const logs = [...state.logs.values()].flat().filter((log) => log !== undefined)
  for (const log of logs) {
    if (removeExpiredProducers(log, now)) state.touched?.partitions.add(log.key)
    armProducerExpiry(state, log, now, out)
  }
}

function clean(state: BrokerState, log: PartitionLog, ctx: Context, out: Decision): void {
  const range = cleanableRange(log, ctx.now)
  if (range === null) return
  const { topic, partition } = log
  try {
    const { upTo, removedRecords, rewritten } = cleanLog(log, range, ctx.now, (batch) => sectionOf(batch, ctx))
    out.facts.push({ type: 'compacted', node: state.id, topic, partition, upTo, removed: removedRecords })
    for (const [before, after] of rewritten) ctx.rewrote?.(before, after)
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    log.uncleanable = true
  }
}
