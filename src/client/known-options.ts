/** A misspelt option does nothing in kafkajs, silently. Here it does nothing either, but a line says so. */
import type { Logger } from './types/logging.ts'

const known = {
  Kafka: [
    'brokers',
    'ssl',
    'sasl',
    'clientId',
    'connectionTimeout',
    'authenticationTimeout',
    'reauthenticationThreshold',
    'requestTimeout',
    'enforceRequestTimeout',
    'retry',
    'socketFactory',
    'logLevel',
    'logCreator',
    'quirks',
  ],
  quirks: ['kafkajsSequenceReuse'],
  producer: [
    'createPartitioner',
    'retry',
    'metadataMaxAge',
    'allowAutoTopicCreation',
    'idempotent',
    'transactionalId',
    'transactionTimeout',
    'transactionsV2',
    'maxInFlightRequests',
  ],
  consumer: [
    'groupId',
    'partitionAssigners',
    'metadataMaxAge',
    'sessionTimeout',
    'rebalanceTimeout',
    'heartbeatInterval',
    'maxBytesPerPartition',
    'minBytes',
    'maxBytes',
    'maxWaitTimeInMs',
    'retry',
    'allowAutoTopicCreation',
    'maxInFlightRequests',
    'readUncommitted',
    'rackId',
    'groupInstanceId',
    'groupProtocol',
    'groupRemoteAssignor',
    'requireStable',
  ],
  admin: ['retry'],
} as const

export function warnOfUnknownOptions(owner: keyof typeof known, options: object, logger: Logger): void {
  for (const name of Object.keys(options)) {
    const names: readonly string[] = known[owner]
    if (names.includes(name)) continue
    logger.warn(`Unknown option "${name}" of ${owner} is ignored; did you mean "${nearest(name, names)}"?`)
  }
}

function nearest(name: string, names: readonly string[]): string {
  const lower = name.toLowerCase()
  const distances = names.map((candidate) => ({ candidate, distance: editDistance(lower, candidate.toLowerCase()) }))
  return distances.reduce((best, next) => (next.distance < best.distance ? next : best)).candidate
}

/** Levenshtein's: single characters inserted, removed or replaced. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      row.push(Math.min(replaced, (previous[j] as number) + 1, (row[j - 1] as number) + 1))
    }
    previous = row
  }
  return previous[b.length] as number
}
