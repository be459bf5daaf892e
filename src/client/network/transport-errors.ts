/** Turns the transport's rejections into kafkajs's error classes and texts. */
import { KafkaJSConnectionClosedError, KafkaJSConnectionError, KafkaJSRequestTimeoutError } from '../errors/network.ts'
import type { TransportError } from '../transport.ts'
import { kafkajsApiName } from './api-versions.ts'

export function isTransportError(error: unknown): error is TransportError {
  return typeof error === 'object' && error !== null && typeof (error as Partial<TransportError>).transport === 'string'
}

/** Errors that are no `TransportError` come back as they are: they are somebody's bug and must be seen. */
export function translateTransportError(error: unknown, clientId: string): unknown {
  if (!isTransportError(error)) return error
  const { host, port, code } = error
  const broker = `${host}:${port}`
  switch (error.transport) {
    case 'connect-timeout':
      return new KafkaJSConnectionError('Connection timeout', { broker })
    case 'refused':
      return new KafkaJSConnectionError(`Connection error: ${error.message}`, {
        broker,
        ...(code === undefined ? {} : { code }),
      })
    case 'closed':
      // A reset is an error event of the socket in kafkajs, which then says `Connection error: read ECONNRESET`. A broker
      // process that dies or stops ends its connections in order as a rule, so this is the case that is modelled.
      return new KafkaJSConnectionClosedError('Closed connection', { host, port })
    case 'timeout': {
      const { apiName = 'Request', apiKey, apiVersion, correlationId, createdAt, sentAt } = error
      return new KafkaJSRequestTimeoutError(
        `Request ${kafkajsApiName(apiName)}(key: ${apiKey}, version: ${apiVersion}) timed out`,
        {
          broker,
          clientId,
          ...(correlationId === undefined ? {} : { correlationId }),
          ...(createdAt === undefined ? {} : { createdAt }),
          ...(sentAt === undefined ? {} : { sentAt }),
          ...(createdAt === undefined || sentAt === undefined ? {} : { pendingDuration: sentAt - createdAt }),
        },
      )
    }
  }
}
