import type { PartitionLog } from '../broker/index.ts'
import type { World } from './world.ts'

/** The records of a batch as they were before compression; undefined for one that is not compressed. */
export function decompressed(world: World, batch: PartitionLog['batches'][number]): Uint8Array | undefined {
  const code = batch.attributes & 7
  return code === 0 ? undefined : world.host.decompress(code, batch.records)
}
