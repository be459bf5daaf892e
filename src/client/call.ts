/** Outstanding calls of the public API: while one is open, virtual time moves. */
import type { Call, Transport } from './transport.ts'

/**
 * Runs a public API method's body inside an open call. The call's virtual deadline rejects the promise although the body
 * may never settle.
 */
export function inCall<T>(transport: Transport, name: string, body: (call: Call) => Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
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
