/** The unmodified kafkajs on virtual time is a function of program and seed. */
import { expect, test } from 'vitest'
import { runProgram } from './program.ts'

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'

test('a crash, a takeover and transactions: the same trace every time', async () => {
  const hashes = new Set<string>()
  for (const seed of [1, 2, 3]) {
    const first = await runProgram(seed)
    const second = await runProgram(seed)
    expect(second).toEqual(first)
    expect(first.taint).toBeNull()
    expect(first.read).toHaveLength(60)
    expect(first.mirrored).toEqual(['commit 0', 'commit 2'])
    hashes.add(first.hash)
  }
  expect(hashes.size).toBe(3)
})
