/**
 * zlib works on threads, whose end no virtual time knows. Under control one piece of work is done at a time, and nothing else
 * happens until it is done: slower, and the same every time.
 */
import type { Transform as TransformStream } from 'node:stream'
import type { ProgramClock } from '../../cluster/program-clock.ts'
import { builtin } from '../builtin.ts'

type Transform = (
  this: TransformStream,
  chunk: unknown,
  encoding: unknown,
  done: (...results: unknown[]) => void,
) => void

/** Waits its turn, then works alone. Answers what undoes it. */
export function controlZlib(clock: ProgramClock): () => void {
  const owner = ownerOfTransform()
  if (owner === null) return () => {}
  const real = owner._transform
  const later = setImmediate
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
      let over = false
      const finish = () => {
        if (over) return
        over = true
        this.off('close', finish)
        Reflect.deleteProperty(this, 'push')
        release()
        next()
      }
      // With an error, or destroyed meanwhile, `done` is never called.
      this.once('close', finish)
      const { push } = this
      this.push = (...given) => {
        const more = push.apply(this, given)
        // The rest is made when somebody reads. Who does so by itself has done it by then; who does not may wait for the cluster.
        if (!more) later(() => this.readableLength >= this.readableHighWaterMark && finish())
        return more
      }
      real.call(this, chunk, encoding, (...results) => {
        // First what waits for this piece, then the next piece: the order in which they were asked for.
        done(...results)
        finish()
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
  let prototype: unknown = builtin('node:zlib').Gzip.prototype
  while (typeof prototype === 'object' && prototype !== null) {
    if (Object.hasOwn(prototype, '_transform')) return prototype as { _transform: Transform }
    prototype = Object.getPrototypeOf(prototype)
  }
  return null
}
