/**
 * A Fetch answer in what its reader can read (KafkaApis.maybeConvertFetchedData, LazyDownConversionRecords): before v4 messages of
 * format 1, before v2 of format 0.
 *
 * - Each batch becomes messages, in one wrapper if it was compressed, without headers. Control batches are left out; what is zstd has no
 *   form there: UNSUPPORTED_COMPRESSION_TYPE where it comes first, else the answer ends before it.
 * - Messages are longer than records: of what no longer fits only the first batch is given.
 * - Where nothing is left of what was read (control batches), the answer is the beginning of a message: an empty one would be asked for
 *   again and again, readers take this one for a message that is too large, and say so.
 */
import type { RecordBatch } from '../../protocol/batch.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { makePartitionData } from '../../protocol/make.ts'
import type { FetchResponse, PartitionData } from '../../protocol/messages.ts'
import {
  asMessageSet,
  batchSizeInBytes,
  COMPRESSIONS,
  compressionCode,
  downConvert,
  isControl,
  lastOffsetOf,
  type OldMagic,
} from '../../protocol/records.ts'
import { type Context, sectionOf } from '../decision.ts'
import { type BrokerState, type FetchPlan, logOf, watchKey } from '../state.ts'

const ZSTD = COMPRESSIONS.indexOf('zstd')
/** Offset -1 and a size that goes beyond the answer (LazyDownConversionRecordsSend.buildOverflowBatch). */
const OVERFLOW = Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 61)

export function asReaderReads(
  state: BrokerState,
  plan: FetchPlan,
  response: FetchResponse,
  ctx: Context,
): FetchResponse {
  const { magic, knowsZstd } = plan
  if (magic === 2 && knowsZstd) return response
  const offsets = new Map(plan.partitions.map(({ topic, partition, offset }) => [watchKey(topic, partition), offset]))
  return {
    ...response,
    responses: response.responses.map((answered) => ({
      ...answered,
      partitions: answered.partitions.map((data) => {
        const { partitionIndex } = data
        if (logOf(state, answered.topic, partitionIndex)?.config.compression === ZSTD) return refused(partitionIndex)
        if (magic === 2) return data
        return inOldFormat(data, magic, offsets.get(watchKey(answered.topic, partitionIndex)) ?? 0, ctx)
      }),
    })),
  }
}

function inOldFormat(data: PartitionData, magic: OldMagic, firstOffset: number, ctx: Context): PartitionData {
  const { records: batches } = data
  if (batches === null || batches.length === 0) return { ...data, records: [] }
  const room = batches.reduce((sum, batch) => sum + batchSizeInBytes(batch), 0)
  const sets: Uint8Array[] = []
  let size = 0
  let last: RecordBatch | undefined
  for (const batch of batches) {
    if (isControl(batch)) continue
    const code = compressionCode(batch)
    const section = code === ZSTD ? null : sectionOf(batch, ctx)
    if (section === null) {
      if (last === undefined) return refused(data.partitionIndex)
      break
    }
    const { compress } = ctx
    const packs = code === 0 || compress === undefined ? null : (bytes: Uint8Array) => compress(code, bytes)
    const set = downConvert(batch, section, magic, firstOffset, packs)
    if (set === null) continue
    if (last !== undefined && size + set.length > room) break
    sets.push(set)
    size += set.length
    last = batch
  }
  if (last === undefined) return { ...data, records: [asMessageSet(OVERFLOW, firstOffset, firstOffset)] }
  return { ...data, records: [asMessageSet(joined(sets, size), firstOffset, lastOffsetOf(last))] }
}

/** FetchResponse.partitionResponse. */
function refused(partitionIndex: number): PartitionData {
  const errorCode = ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
  return makePartitionData({ partitionIndex, errorCode, highWatermark: -1, records: [] })
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return only
  const all = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
