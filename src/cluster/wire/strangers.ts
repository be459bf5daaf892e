/** Who comes to a port and asks for what is not offered there, told by what it sent first. */

/** API keys that every broker has, but for clients that authenticate (ApiKeys.java). */
const SASL: ReadonlyMap<number, string> = new Map([
  [17, 'SaslHandshake'],
  [36, 'SaslAuthenticate'],
])

const TLS_HANDSHAKE = 0x16
const METHODS = ['GET ', 'POST', 'HEAD', 'PUT ', 'DELE', 'OPTI', 'PATC', 'CONN', 'TRAC', 'PRI ']

/** @param first bytes of the stream, four where there are so many; null = nobody we know */
export function strangerByBytes(first: readonly number[]): string | null {
  // A record of a handshake, of SSL 3.0 or any TLS (RFC 8446, 5.1).
  if (first[0] === TLS_HANDSHAKE && first[1] === 3) {
    return "a TLS handshake. TLS is not offered here: set the client's security.protocol to PLAINTEXT (`ssl: false` in kafkajs); see docs/doors.md"
  }
  const text = String.fromCharCode(...first)
  return METHODS.includes(text)
    ? `an HTTP request (${JSON.stringify(text)}). This port speaks the protocol of Kafka only; see docs/doors.md`
    : null
}

export function strangerByApi(apiKey: number): string | null {
  const name = SASL.get(apiKey)
  return name === undefined
    ? null
    : `${name} (API ${apiKey}). SASL is not offered here: set the client's security.protocol to PLAINTEXT (no \`sasl\` in kafkajs); see docs/doors.md`
}
