/** Plays lessons on fresh clusters: the run everybody watches, and a learner's list of moves. */
import type { Cluster, ClusterOptions, ClusterView } from '../index.ts'
import { type Grade, grade, type Moment } from './grade.ts'
import type { Lesson, Move } from './lesson.ts'
import { type Frame, recordFrames } from './recorder.ts'

/** `createCluster`, handed in: a screen loads the engine only when it needs it. */
export type CreateCluster = (options: ClusterOptions) => Cluster

export interface Recording {
  readonly start: ClusterView
  readonly frames: readonly Frame[]
  readonly beats: readonly Beat[]
}

export interface Beat {
  readonly id: string
  /** The first frame that belongs to it. */
  readonly at: number
}

/** The run everybody watches. */
export async function record<S>(lesson: Lesson<S>, createCluster: CreateCluster): Promise<Recording> {
  const cluster = createCluster({ ...lesson.world, trace: 'full', laws: true })
  try {
    const recorder = recordFrames(cluster)
    const beats: Beat[] = []
    await lesson.run(cluster, (id) => beats.push({ id, at: recorder.frames.length }))
    recorder.stop()
    return { start: recorder.start, frames: recorder.frames, beats }
  } finally {
    await cluster.dispose()
  }
}

export interface Play extends Grade {
  readonly moves: readonly string[]
  readonly start: ClusterView
  readonly frames: readonly Frame[]
  /** For each move, the number of frames before it. */
  readonly movedAt: readonly number[]
  /** Why a move cannot be made now, by move id: the id of the reason. */
  readonly blocked: Readonly<Record<string, string>>
  /** What was thrown, if the verdict is `could-not-check`. */
  readonly error?: string
}

/**
 * Plays a list of moves from the start and grades it. Undo is the same list without its last move.
 * A move that is blocked is left out and ends the list.
 */
export async function play<S>(
  lesson: Lesson<S>,
  moves: readonly string[],
  createCluster: CreateCluster,
): Promise<Play> {
  const cluster = createCluster({ ...lesson.world, trace: 'full', laws: true })
  const recorder = recordFrames(cluster)
  const made: string[] = []
  const movedAt: number[] = []
  const moments: Moment[] = []
  const look = () => moments.push({ length: recorder.frames.length, view: cluster.view() })
  const { task } = lesson
  const graded = () =>
    grade(
      task.goals,
      task.mistakes,
      recorder.frames.map((frame) => frame.event),
      moments,
    )
  try {
    const state = await task.setup(cluster)
    look()
    for (const id of moves) {
      const move = task.moves.find((candidate) => candidate.id === id)
      if (!move || move.blocked?.(state)) break
      movedAt.push(recorder.frames.length)
      made.push(id)
      await move.make(cluster, state)
      look()
    }
    return {
      ...graded(),
      moves: made,
      start: recorder.start,
      frames: recorder.frames,
      movedAt,
      blocked: blockedMoves(task.moves, state),
    }
  } catch (error) {
    return {
      ...graded(),
      verdict: 'could-not-check',
      mistake: null,
      moves: made,
      start: recorder.start,
      frames: recorder.frames,
      movedAt,
      blocked: {},
      error: error instanceof Error ? error.message : String(error),
    }
  } finally {
    recorder.stop()
    await cluster.dispose()
  }
}

function blockedMoves<S>(moves: readonly Move<S>[], state: S): Record<string, string> {
  const blocked: Record<string, string> = {}
  for (const move of moves) {
    const reason = move.blocked?.(state)
    if (reason) blocked[move.id] = reason
  }
  return blocked
}
