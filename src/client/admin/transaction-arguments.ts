/** Argument checks of what the admin client can do about transactions. kafkajs has none of it: the texts are ours, in its manner. */
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import { parseInt64 } from '../int64.ts'
import type { AbortTransactionSpec, TransactionState } from '../types/admin-transactions.ts'
import { checkTopicName } from './arguments.ts'

const STATES: readonly TransactionState[] = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
]

const refuse = (message: string): never => {
  throw new KafkaJSNonRetriableError(message)
}

const isIndex = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0

function checkList(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) refuse(`Invalid ${what} array ${String(value)}`)
  return value as readonly unknown[]
}

export function checkTopicPartitions({ topic, partitions }: { topic?: unknown; partitions?: unknown }): void {
  checkTopicName(topic)
  if (partitions === undefined) return
  const bad = checkList(partitions, 'partitions').find((partition) => !isIndex(partition))
  if (bad !== undefined) refuse(`Invalid partition ${String(bad)} of topic "${String(topic)}"`)
}

export function checkTransactionalIds(ids: unknown): void {
  const list = checkList(ids, 'transactionalIds')
  const bad = list.findIndex((id) => typeof id !== 'string' || id === '')
  if (bad >= 0) refuse(`Invalid transactionalId ${JSON.stringify(list[bad])}`)
}

/** Milliseconds. */
export function checkDuration(value: unknown, what: string): void {
  if (!isIndex(value)) refuse(`Invalid ${what} ${String(value)}, it has to be whole milliseconds`)
}

export function checkStates(states: unknown): void {
  const known: readonly unknown[] = STATES
  const list = checkList(states, 'states')
  const bad = list.findIndex((state) => !known.includes(state))
  if (bad >= 0) refuse(`Invalid transaction state ${JSON.stringify(list[bad])}, known are ${STATES.join(', ')}`)
}

/** A producer id, as number. */
export function producerIdOf(value: unknown): number {
  const id = parseInt64(value)
  return id === undefined || id < 0 ? refuse(`Invalid producerId ${String(value)}`) : id
}

export function producerIdsOf(values: unknown): number[] {
  return checkList(values, 'producerIds').map(producerIdOf)
}

export function checkAbort(spec: Partial<Record<keyof AbortTransactionSpec, unknown>>): void {
  const { topic, partition, producerEpoch, coordinatorEpoch } = spec
  checkTopicName(topic)
  if (!isIndex(partition)) refuse(`Invalid partition ${String(partition)} of topic "${String(topic)}"`)
  if (!isIndex(producerEpoch)) refuse(`Invalid producerEpoch ${String(producerEpoch)}`)
  if (coordinatorEpoch != null && !isIndex(coordinatorEpoch))
    refuse(`Invalid coordinatorEpoch ${String(coordinatorEpoch)}`)
}
