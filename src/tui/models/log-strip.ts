/** What the log strip shows, from nothing but the events so far: so that every step, forward or back, is exact. */
import type { Stage } from '../../course/lesson.ts'
import type { Frame } from '../../course/recorder.ts'

export interface LogStrip {
  readonly name: string
  /** The offset the next record will get. */
  readonly end: number
  readonly groups: readonly GroupRow[]
}

export interface GroupRow {
  readonly id: string
  /** False until somebody asked to join. */
  readonly present: boolean
  /** How often each offset was processed. */
  readonly processed: readonly number[]
  /** The committed offset, null before the first commit. */
  readonly bookmark: number | null
}

/** @param count how many frames have happened */
export function logStrip(stage: Stage, frames: readonly Frame[], count: number): LogStrip {
  let end = 0
  const rows = new Map(
    stage.groups.map((id) => [id, { id, present: false, processed: [] as number[], bookmark: null as number | null }]),
  )
  for (const { event } of frames.slice(0, count)) {
    if (event.type === 'group.join') {
      const row = rows.get(event.group)
      if (row) row.present = true
      continue
    }
    if (!('topic' in event) || !('partition' in event)) continue
    if (event.topic !== stage.topic || event.partition !== stage.partition) continue
    if (event.type === 'append') end = Math.max(end, event.baseOffset + event.count)
    if (event.type === 'marker') end = Math.max(end, event.offset + 1)
    const row = 'group' in event ? rows.get(event.group) : undefined
    if (!row) continue
    if (event.type === 'offset.commit') row.bookmark = event.offset
    if (event.type === 'handler.done') {
      for (let offset = event.firstOffset; offset <= event.lastOffset; offset += 1) {
        row.processed[offset] = (row.processed[offset] ?? 0) + 1
      }
    }
  }
  return {
    name: `${stage.topic}-${stage.partition}`,
    end,
    groups: [...rows.values()].map((row) => ({
      ...row,
      processed: Array.from({ length: end }, (_unused, offset) => row.processed[offset] ?? 0),
    })),
  }
}
