import type { Size } from '../state.ts'

/** The terminal's size; 80×24 where it does not say. */
export function sizeOf(stdout: { readonly columns?: number; readonly rows?: number }): Size {
  return { columns: stdout.columns || 80, rows: stdout.rows || 24 }
}
