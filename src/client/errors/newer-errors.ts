/** Error codes younger than kafkajs, for the APIs it does not speak. */
import { errorByCode } from '../../protocol/errors.ts'
import { KafkaJSProtocolError } from './broker-errors.ts'
import { errorFromCode } from './protocol-errors.ts'

/** Where kafkajs's list of errors ends. */
const KAFKAJS_KNOWS_UP_TO = 88

/** kafkajs's error where it has one, else Kafka's. */
export function newerErrorFromCode(code: number, message: string | null = null): KafkaJSProtocolError {
  const known = code > KAFKAJS_KNOWS_UP_TO ? errorByCode(code) : undefined
  if (known === undefined) return errorFromCode(code)
  const { name: type, retriable, meaning } = known
  return new KafkaJSProtocolError({ type, code, retriable, message: message ?? meaning })
}

export function throwOnNewerError(code: number, message: string | null = null): void {
  if (code !== 0) throw newerErrorFromCode(code, message)
}
