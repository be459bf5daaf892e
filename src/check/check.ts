/** The delivery checker: what a history shows that a reader of the manual would not expect, and what explains it. */
import type { History } from '../kernel/index.ts'
import { refuseUnknown } from '../protocol/unknown-options.ts'
import { abortedReads } from './aborted-read.ts'
import { ambiguous } from './ambiguous.ts'
import { consumeDuplicates } from './consume-duplicate.ts'
import { consumeLosses } from './consume-loss.ts'
import { duplicates } from './duplicate.ts'
import { type CheckSetting, indexHistory } from './history.ts'
import { inconsistentOffsets } from './inconsistent-offsets.ts'
import { lostWrites } from './lost-write.ts'
import { type Report, reportOf } from './report.ts'
import { unseen } from './unseen.ts'

/**
 * Judges a history once it is over. Every finding says whether the run's configuration allows it; `report.ok` means that
 * nothing is left unexplained.
 *
 * ```ts
 * const cluster = createCluster({ brokers: 3, history: true })
 * // … the program …
 * await cluster.settle()
 * const report = checkHistory(cluster.history())
 * if (!report.ok) throw new Error(report.text)
 * ```
 *
 * @param setting what the history itself cannot know; the defaults are cautious
 */
export function checkHistory(history: History, setting: CheckSetting = {}): Report {
  refuseUnknown(setting, ['finalPolls', 'resolvedIsHandled'], 'checkHistory')
  const indexed = indexHistory(history, setting)
  return reportOf([
    ...lostWrites(indexed),
    ...unseen(indexed),
    ...duplicates(indexed),
    ...inconsistentOffsets(indexed),
    ...consumeLosses(indexed),
    ...consumeDuplicates(indexed),
    ...ambiguous(indexed),
    ...abortedReads(indexed),
  ])
}
