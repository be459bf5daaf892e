/**
 * zlib works on threads, whose end no virtual time knows. Under control one piece of work is done at a time, and nothing else
 * happens until it is done: slower, and the same every time.
 */
import zlib from 'node:zlib'
import type { ProgramClock } from '../../cluster/program-clock.ts'

type Transform = (this: unknown, chunk: unknown, encoding: unknown, done: (...results: unknown[]) => void) => void

/** Waits its turn, then works alone. Answers what undoes it. */
export function controlZlib(clock: ProgramClock): () => void {
  const owner = ownerOfTransform()
  if (owner === null) return () => {}
  const real = owner._transform
  const waiting: (() => void)[] = []
  let busy = false
  const next = () => {
    const work = waiting.shift()
    if (work === undefined) busy = false
    else work()
  }
  owner._transform = function (chunk, encoding, done) {
    const release = clock.hold()
    waiting.push(() => {
      real.call(this, chunk, encoding, (...results) => {
        // First what waits for this piece, then the next piece: the order in which they were asked for.
        done(...results)
        release()
        next()
      })
    })
    if (busy) return
    busy = true
    next()
  }
  return () => {
    owner._transform = real
  }
}

/** Where all of zlib's streams, and with them its callbacks, have their work from. */
function ownerOfTransform(): { _transform: Transform } | null {
  let prototype: unknown = zlib.Gzip.prototype
  while (typeof prototype === 'object' && prototype !== null) {
    if (Object.hasOwn(prototype, '_transform')) return prototype as { _transform: Transform }
    prototype = Object.getPrototypeOf(prototype)
  }
  return null
}
