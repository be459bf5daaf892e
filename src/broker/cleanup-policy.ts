/** What happens to old records of a topic. */
import { topicConfigValue } from './config.ts'
import type { BrokerState } from './state.ts'

/** Whether a cleaner may rewrite the topic's batches (cleanup.policy). */
export function isCompacted(state: BrokerState, topic: string): boolean {
  const info = state.image.topics.get(topic)
  return info !== undefined && topicConfigValue(info.config, state.config, 'cleanup.policy').includes('compact')
}
