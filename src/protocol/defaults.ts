/** The zero-length byte string: Kafka's default of a `bytes` field that is not nullable. */
export const EMPTY_BYTES: Uint8Array = new Uint8Array(0)

/** The UUID of sixteen zero bytes (`Uuid.ZERO_UUID`): "no topic id". */
export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'
