/** Outstanding calls of the public API: while one is open, virtual time moves. */
import type { Call, Transport } from './transport.ts'

/**
 * Runs a public API method's body inside an open call. When virtual time cannot bring the call to an end, it rejects
 * with the transport's error, which says what waits for what; the body's own outcome is then ignored.
 */
export function inCall<T>(transport: Transport, name: string, body: (call: Call) => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const call = transport.begin(name, reject)
    body(call).then(
      (value) => {
        call.end()
        resolve(value)
      },
      (error: unknown) => {
        call.end()
        reject(error)
      },
    )
  })
}
