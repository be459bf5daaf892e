/** Special offsets of ListOffsets, also used as the offset of an OffsetCommit by `resetOffsets` and `seek`. */
export const EARLIEST_OFFSET = -2
export const LATEST_OFFSET = -1

/** Isolation levels of Fetch and ListOffsets. */
export const READ_UNCOMMITTED = 0
export const READ_COMMITTED = 1

/** Default of `metadataMaxAge` for producers and consumers, milliseconds. */
export const METADATA_MAX_AGE_MS = 300_000
/** Default of `requestTimeout`, milliseconds. */
export const REQUEST_TIMEOUT_MS = 30_000
/** Default of `connectionTimeout`, milliseconds. */
export const CONNECTION_TIMEOUT_MS = 1_000
