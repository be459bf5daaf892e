/** Which options go with which group protocol. */
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import type { ConsumerConfig } from '../types/config.ts'

/** @throws KafkaJSNonRetriableError for options of one group protocol with the other, as Java's consumer refuses them */
export function checkGroupProtocol(given: Partial<ConsumerConfig>): void {
  const { groupProtocol = 'classic', groupRemoteAssignor } = given
  if (groupProtocol !== 'classic' && groupProtocol !== 'consumer')
    throw new KafkaJSNonRetriableError(
      `Invalid groupProtocol "${String(groupProtocol)}", it has to be "classic" or "consumer"`,
    )
  if (groupProtocol === 'classic') {
    if (groupRemoteAssignor === undefined) return
    throw new KafkaJSNonRetriableError(
      'groupRemoteAssignor goes with groupProtocol "consumer" only; with the classic protocol the leader assigns, see partitionAssigners',
    )
  }
  for (const [name, instead] of DECIDED_BY_THE_COORDINATOR)
    if (given[name] !== undefined)
      throw new KafkaJSNonRetriableError(
        `${name} does not go with groupProtocol "consumer": the coordinator decides. Use ${instead}`,
      )
}

const DECIDED_BY_THE_COORDINATOR = [
  ['partitionAssigners', 'groupRemoteAssignor, "uniform" or "range"'],
  ['sessionTimeout', "the broker's group.consumer.session.timeout.ms"],
  ['heartbeatInterval', "the broker's group.consumer.heartbeat.interval.ms"],
] as const
