/** Frames out of chunks that end anywhere. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameSplitter, frame } from '../../src/protocol/codec.ts'

const LIMIT = 1000

function split(chunks: readonly Uint8Array[]): Uint8Array[] {
  const splitter = new FrameSplitter(LIMIT)
  const frames: Uint8Array[] = []
  for (const chunk of chunks) {
    splitter.push(chunk)
    for (let next = splitter.next(); next !== null; next = splitter.next()) frames.push(next)
  }
  expect(splitter.buffered).toBe(0)
  return frames
}

describe('FrameSplitter', () => {
  test('finds the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 12 }),
        (frames, cuts) => {
          const stream = new Uint8Array(frames.flatMap((bytes) => [...frame(bytes)]))
          const chunks: Uint8Array[] = []
          let at = 0
          for (const cut of cuts) {
            chunks.push(stream.subarray(at, at + cut))
            at += cut
          }
          chunks.push(stream.subarray(at))
          expect(split(chunks).map((bytes) => [...bytes])).toEqual(frames.map((bytes) => [...bytes]))
        },
      ),
    )
  })

  test('a frame within one chunk is a view into it', () => {
    const chunk = frame(new Uint8Array([1, 2, 3]))
    expect(split([chunk])[0]?.buffer).toBe(chunk.buffer)
  })

  test.each([
    ['below 0', [0xff, 0xff, 0xff, 0xff], 'a frame of -1 bytes'],
    ['above the limit', [0, 0, 3, 0xe9], 'a frame of 1001 bytes'],
  ])('a length %s is refused at once', (_name, bytes, text) => {
    const splitter = new FrameSplitter(LIMIT)
    splitter.push(new Uint8Array(bytes))
    expect(() => splitter.next()).toThrow(text)
  })

  test('a length costs nothing until its bytes come', () => {
    const splitter = new FrameSplitter(100_000_000)
    splitter.push(new Uint8Array([5, 0, 0, 0, 1]))
    expect(splitter.next()).toBeNull()
    expect(splitter.buffered).toBe(1)
  })
})
