/** Chance from a program clock: Math.random and the ways of node:crypto and Web Crypto to draw. Not for real secrets. */
import type { ProgramClock } from '../../cluster/program-clock.ts'
import { Buffer } from '../builtin.ts'

type Done<T> = (error: null, value: T) => void

/** As Math.random: 53 bits. */
export function programRandom(clock: ProgramClock): () => number {
  return () => ((clock.random() >>> 5) * 67_108_864 + (clock.random() >>> 6)) / 9_007_199_254_740_992
}

function fill<T extends ArrayBufferView>(clock: ProgramClock, view: T): T {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  for (let at = 0; at < bytes.length; at += 4) {
    let word = clock.random()
    for (let i = at; i < Math.min(at + 4, bytes.length); i++) {
      bytes[i] = word & 255
      word >>>= 8
    }
  }
  return view
}

/** A version 4 UUID. */
function uuid(clock: ProgramClock): string {
  const bytes = fill(clock, Buffer.alloc(16))
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** Of `globalThis.crypto`. */
export function webCrypto(clock: ProgramClock): Readonly<Record<string, unknown>> {
  return { getRandomValues: (view: ArrayBufferView) => fill(clock, view), randomUUID: () => uuid(clock) }
}

/** Of `node:crypto`; with a callback they answer later, as the real ones do. */
export function nodeCrypto(clock: ProgramClock): Readonly<Record<string, unknown>> {
  const later = <T>(done: Done<T> | undefined, value: T): T | undefined => {
    if (done === undefined) return value
    clock.arm('immediate', 0, () => done(null, value))
    return undefined
  }
  const randomBytes = (size: number, done?: Done<Buffer>) => later(done, fill(clock, Buffer.alloc(size)))
  // As with Node, offset and size count elements of a typed array and bytes of everything else.
  const randomFillSync = <T extends ArrayBufferView | ArrayBuffer>(target: T, offset = 0, size?: number): T => {
    const view = ArrayBuffer.isView(target) ? target : new Uint8Array(target)
    const { BYTES_PER_ELEMENT: unit = 1 } = view as { BYTES_PER_ELEMENT?: number }
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    fill(clock, bytes.subarray(offset * unit, size === undefined ? undefined : (offset + size) * unit))
    return target
  }
  return {
    randomBytes,
    pseudoRandomBytes: randomBytes,
    randomUUID: () => uuid(clock),
    randomFillSync,
    randomFill(view: ArrayBufferView | ArrayBuffer, ...rest: unknown[]) {
      const done = rest.pop() as Done<ArrayBufferView | ArrayBuffer>
      const [offset, size] = rest as [number?, number?]
      later(done, randomFillSync(view, offset, size))
    },
    randomInt(...given: unknown[]) {
      const done = typeof given[given.length - 1] === 'function' ? (given.pop() as Done<number>) : undefined
      const [low, high] = given.length === 1 ? [0, Number(given[0])] : [Number(given[0]), Number(given[1])]
      if (!(high > low))
        throw new RangeError(`The value of "max" is out of range. It must be > ${low}. Received ${high}`)
      return later(done, low + Math.floor(programRandom(clock)() * (high - low)))
    },
  }
}
