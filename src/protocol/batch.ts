/**
 * The one form a record batch has everywhere (DefaultRecordBatch.java, magic 2): the parsed header plus
 * the immutable, encoded records section. Logs share these objects between replicas and snapshots.
 *
 * Base offset and partition leader epoch are outside the CRC, so a log patches them by making a new header
 * over the same bytes; the CRC is computed where bytes leave for a wire, unless they came with it.
 */
export interface RecordBatch {
  readonly baseOffset: number
  readonly partitionLeaderEpoch: number
  /** Bits 0–2 compression, 3 timestamp type (1 = LogAppendTime), 4 transactional, 5 control, 6 delete horizon. */
  readonly attributes: number
  readonly lastOffsetDelta: number
  /** Milliseconds since the epoch; -1 = none. */
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  /** -1 = none. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
  /** The records section: everything after the 61-byte header, compressed if the attributes say so. Never written to. */
  readonly records: Uint8Array
  /**
   * The CRC-32C of everything but base offset and leader epoch, where it is known: of what came over a wire and was checked. Who changes
   * anything that it covers leaves it out.
   */
  readonly crc?: number | undefined
  /**
   * Only of what came over a wire and is no batch at all: the error a broker answers about it, where it would be stored. The
   * other fields say nothing then.
   */
  readonly problem?: number
  /**
   * Only on its way to or from a client that is older than this format: `records` is a whole set of messages of format 0 or 1, and
   * what the header says of records does not count (`records/old`). Never in a log.
   */
  readonly messageSet?: boolean
  /** It came over a wire, so nobody has looked yet whether its records are what its header says. Never of a batch in a log. */
  readonly unverified?: boolean
}
