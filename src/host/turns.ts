/**
 * Node's turns for the pump. One `setImmediate` is an exact barrier: all microtasks and ticks drain before the next
 * immediate of the same phase. Immediates are scheduled in batches, because between two of one batch nothing else runs
 * (no timer, no I/O): what enters the cluster there was caused by the cluster. Between batches the host's loop turns.
 */
import type { ClusterHost } from '../cluster/host.ts'
import { Buffer, builtin } from './builtin.ts'
import { compress, decompress } from './codecs/index.ts'

const SMALLEST_BATCH = 2
const LARGEST_BATCH = 64
/** The host's loop gets a turn at least this often. */
const SHARE_EVERY_MS = 8

// Taken at load, so that fake timers installed later do not stop the pump.
const timers = builtin('node:timers')
const realSetImmediate = timers.setImmediate
const realClearImmediate = timers.clearImmediate
const realSetTimeout = timers.setTimeout
const realClearTimeout = timers.clearTimeout
const realNow = performance.now.bind(performance)
const realDate = Date.now

const exitListeners = new Set<WeakRef<(code: number) => void>>()

/** One listener for all clusters. An await at top level that never settles sets the exit code only while this is told. */
function tellExit(code: number): void {
  for (const held of exitListeners) held.deref()?.(Number(process.exitCode ?? code))
}

export const nodeClusterHost: ClusterHost = {
  turns(step, atSeam) {
    let size = SMALLEST_BATCH
    let batch: NodeJS.Immediate[] = []
    let left = 0
    let since = 0
    let opened = false

    const drop = () => {
      for (const immediate of batch) realClearImmediate(immediate)
      batch = []
    }
    const schedule = () => {
      left = size
      since = realNow()
      batch = Array.from({ length: size + 1 }, () => realSetImmediate(tick))
      size = Math.min(size * 2, LARGEST_BATCH)
    }
    const tick = () => {
      if (left > 0) {
        if (opened) {
          opened = false
          atSeam(false)
        }
        left -= 1
        if (!step()) return drop()
        // Reading the clock costs as much as a turn: every eighth is often enough.
        if ((left & 7) !== 0 || realNow() - since < SHARE_EVERY_MS) return
        left = 0
        return
      }
      // The last immediate of a batch: everything the steps caused has run; from here on it is the host's turn.
      drop()
      opened = true
      atSeam(true)
      schedule()
    }
    schedule()
  },
  wallNow: realNow,
  dateNow: () => realDate(),
  later(ms, keepAlive, run) {
    const timer = realSetTimeout(run, ms)
    if (!keepAlive) timer.unref()
    return () => realClearTimeout(timer)
  },
  warn: (line) => void process.stderr.write(`${line}\n`),
  onExit(listener) {
    // Weakly: a cluster nobody disposes must still be collected. Whoever holds the remover holds the listener.
    const held = new WeakRef(listener)
    if (exitListeners.size === 0) process.on('exit', tellExit)
    exitListeners.add(held)
    const remove = () => {
      exitListeners.delete(held)
      if (exitListeners.size === 0) process.off('exit', tellExit)
    }
    return Object.assign(remove, { listener })
  },
  compress,
  decompress,
  chunk: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  // The mark of sinon's fake timers, which vitest and jest use.
  timersAreFaked: () => 'clock' in globalThis.setTimeout,
  env: (name) => process.env[name],
}
