/** The addresses of `config.brokers`, checked when they are needed, handed out in turn from the first. */
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import { viewError } from '../errors/classify.ts'
import { KafkaJSConnectionError } from '../errors/network.ts'
import type { BrokerAddress } from '../network/broker.ts'
import type { BrokersFunction } from '../types/config.ts'

export type SeedBrokers = () => Promise<BrokerAddress>

export function createSeedBrokers(brokers: string[] | BrokersFunction | undefined): SeedBrokers {
  let next = 0
  return async () => {
    const list = await resolve(brokers)
    const address = list[next % list.length] as string
    next += 1
    // No IPv6, as in kafkajs: the text is cut at every colon.
    const [host = '', port] = address.split(':')
    return { host, port: Number(port), rack: null }
  }
}

async function resolve(brokers: string[] | BrokersFunction | undefined): Promise<readonly string[]> {
  let list: unknown = brokers
  if (typeof brokers === 'function') {
    try {
      list = await brokers()
    } catch (error) {
      const { message, stack } = viewError(error)
      const wrapped = new KafkaJSConnectionError(`Failed to connect: "config.brokers" threw: ${message}`)
      wrapped.stack = `${wrapped.name}\n  Caused by: ${stack}`
      throw wrapped
    }
  }
  if (!list) throw new KafkaJSNonRetriableError('Failed to connect: brokers should not be null')
  if (!Array.isArray(list) || list.length === 0) {
    throw new KafkaJSNonRetriableError('Failed to connect: brokers array is empty')
  }
  for (const [index, broker] of list.entries()) {
    if (typeof broker !== 'string' || broker.length === 0) {
      throw new KafkaJSNonRetriableError(`Failed to connect: broker at index ${index} is invalid "${typeof broker}"`)
    }
  }
  return list as string[]
}
