/** The alternate screen by hand, given back on every way out: return, signal, exception, `process.exit`. */
import { onExit } from 'signal-exit'

const ENTER = '\u001b[?1049h\u001b[2J\u001b[H\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'

/** Switches to the alternate screen; the function returned switches back, once. */
export function enterAltScreen(stdout: { write(text: string): unknown }): () => void {
  let left = false
  stdout.write(ENTER)
  const leave = () => {
    if (left) return
    left = true
    stopWatching()
    stdout.write(LEAVE)
  }
  const stopWatching = onExit(leave, { alwaysLast: true })
  return leave
}

/** To the first cell: what is drawn next covers what is there. */
export const TO_TOP = '\u001b[H'

/** Clears what is on the screen: after a resize nothing of the old frame may stay. */
export const CLEAR = '\u001b[2J\u001b[H'
