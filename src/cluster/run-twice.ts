/** The determinism self-check (rule-K8): the same program twice, and the first place where the runs part. */
import { firstDifference, type TraceEvent } from '../kernel/index.ts'
import type { TraceHandle } from './api.ts'
import { KafkariumError } from './errors.ts'

/**
 * Runs a program twice and compares the traces. The program makes its own cluster, with `trace: 'full'` and a seed if it
 * wants one, and answers it when it is done.
 *
 * @returns the hash both runs have
 * @throws KafkariumError `KAFKARIUM_NOT_REPEATABLE` with the first event that differs
 */
export async function runTwice(program: () => Promise<{ readonly trace: TraceHandle }>): Promise<string> {
  const first = await program()
  const second = await program()
  if (first.trace.hash === second.trace.hash) return first.trace.hash
  const difference = firstDifference(first.trace.events(), second.trace.events())
  const where =
    difference === null
      ? "The kept events are alike: make the cluster with trace: 'full' to see where they part."
      : `Event ${difference.index} differs:\n  first run:  ${show(difference.first)}\n  second run: ${show(difference.second)}`
  throw new KafkariumError(
    'KAFKARIUM_NOT_REPEATABLE',
    `The program does not repeat: the traces have the hashes ${first.trace.hash} and ${second.trace.hash}.\n${where}\n` +
      'Look for Date.now(), Math.random(), real timers or I/O that decide what the program does next.',
  )
}

function show(event: TraceEvent | undefined): string {
  return event === undefined ? '(ended)' : JSON.stringify(event)
}
