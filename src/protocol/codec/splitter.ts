/**
 * Frames out of a stream of bytes (NetworkReceive.java): four bytes of length, then so many bytes. Chunks may end anywhere.
 * What is kept is what came, never what a length promises, so a length that lies costs nothing.
 */
import { DecodeError } from '../fault.ts'

const LENGTH_SIZE = 4

export class FrameSplitter {
  readonly #maxBytes: number
  #chunks: Uint8Array[] = []
  /** Bytes in `#chunks`. */
  #buffered = 0
  /** Of the frame under way; -1 while its length is not known. */
  #wanted = -1

  /** @param maxBytes what a frame may have at most (`socket.request.max.bytes`) */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes that wait for the rest of their frame. */
  get buffered(): number {
    return this.#buffered
  }

  /** Takes the next bytes of the stream. They are kept, not copied. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#buffered += chunk.length
  }

  /**
   * The next whole frame without its length, a view into a chunk where it is in one; null when there is none yet.
   *
   * @throws DecodeError `BAD_LENGTH` for a length below 0 or above the limit; the stream has no next frame after that
   */
  next(): Uint8Array | null {
    if (this.#wanted < 0) {
      if (this.#buffered < LENGTH_SIZE) return null
      const head = this.#take(LENGTH_SIZE)
      const length = new DataView(head.buffer, head.byteOffset, LENGTH_SIZE).getInt32(0)
      if (length < 0 || length > this.#maxBytes) {
        throw new DecodeError('BAD_LENGTH', 0, '', `a frame of ${length} bytes`, `0 to ${this.#maxBytes}`)
      }
      this.#wanted = length
    }
    if (this.#buffered < this.#wanted) return null
    const frame = this.#take(this.#wanted)
    this.#wanted = -1
    return frame
  }

  #take(count: number): Uint8Array {
    this.#buffered -= count
    const first = this.#chunks[0]
    if (first !== undefined && first.length >= count) {
      if (first.length === count) this.#chunks.shift()
      else this.#chunks[0] = first.subarray(count)
      return first.subarray(0, count)
    }
    const out = new Uint8Array(count)
    let at = 0
    let used = 0
    while (at < count) {
      const chunk = this.#chunks[used] as Uint8Array
      const left = count - at
      if (chunk.length <= left) {
        out.set(chunk, at)
        at += chunk.length
        used += 1
      } else {
        out.set(chunk.subarray(0, left), at)
        this.#chunks[used] = chunk.subarray(left)
        at = count
      }
    }
    this.#chunks.splice(0, used)
    return out
  }
}
