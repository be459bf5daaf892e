/** Requests of producers, besides Produce itself. */
import { makeInitProducerIdRequest } from '../../protocol/make.ts'
import { throwOnError } from '../errors/protocol-errors.ts'
import type { BrokerClient } from './broker.ts'

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** A new producer id without a transactional id, which any broker gives. The time-out means nothing then; kafkajs sends it. */
export async function requestProducerId(broker: BrokerClient, transactionTimeoutMs: number): Promise<ProducerIdentity> {
  const { producerId, producerEpoch } = await broker.send(
    'InitProducerId',
    makeInitProducerIdRequest({ transactionalId: null, transactionTimeoutMs }),
    { check: ({ errorCode }) => throwOnError(errorCode) },
  )
  return { producerId, producerEpoch }
}
