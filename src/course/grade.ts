/** Grading: predicates over the trace, three verdicts, and the name of what went wrong. Returns ids, never text. */
import type { ClusterView, TraceEvent } from '../index.ts'
import type { Goal, GoalResult, GoalStatus, Mistake } from './lesson.ts'

export type Verdict = 'pass' | 'not-yet' | 'could-not-check'

export interface GoalState {
  readonly id: string
  readonly status: GoalStatus
  readonly evidence: readonly number[]
}

/** A moment at which goals are looked at: after the set-up and after each move. */
export interface Moment {
  /** How much of the trace had happened. */
  readonly length: number
  readonly view: ClusterView
}

export interface Grade {
  readonly verdict: Verdict
  readonly goals: readonly GoalState[]
  /** The id of the latest mistake, null if none was made or all goals are met. */
  readonly mistake: string | null
}

/**
 * @param moments in order; the last one is now
 */
export function grade(
  goals: readonly Goal[],
  mistakes: readonly Mistake[],
  trace: readonly TraceEvent[],
  moments: readonly Moment[],
): Grade {
  const states = goals.map((goal) => gradeGoal(goal, trace, moments))
  const passed = states.every((state) => state.status === 'pass')
  return {
    verdict: passed ? 'pass' : 'not-yet',
    goals: states,
    mistake: passed ? null : latestMistake(mistakes, trace, moments.at(-1)),
  }
}

/** A latch keeps its first pass, an `always` goal its first fail. */
function gradeGoal(goal: Goal, trace: readonly TraceEvent[], moments: readonly Moment[]): GoalState {
  let result: GoalResult = { status: 'open', evidence: [] }
  for (const moment of moments) {
    result = goal.check(trace.slice(0, moment.length), moment.view)
    if (result.status === (goal.kind === 'latch' ? 'pass' : 'fail')) break
  }
  return { id: goal.id, status: result.status, evidence: result.evidence }
}

function latestMistake(
  mistakes: readonly Mistake[],
  trace: readonly TraceEvent[],
  now: Moment | undefined,
): string | null {
  if (!now) return null
  let latest: string | null = null
  let at = -1
  for (const mistake of mistakes) {
    const last = mistake.evidence(trace, now.view).at(-1)
    if (last === undefined || last <= at) continue
    latest = mistake.id
    at = last
  }
  return latest
}
