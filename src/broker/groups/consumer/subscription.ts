/** What members subscribe to, against the topics there are (ModernGroup.computeSubscriptionMetadata, TopicIds.java). */
import type { MetadataImage } from '../../metadata.ts'
import type { ConsumerMember, SubscribedTopicInfo } from './group.ts'

/** Existing topics some member subscribes to, by name, sorted. */
export function subscribedTopics(
  members: Iterable<ConsumerMember>,
  image: MetadataImage,
): ReadonlyMap<string, SubscribedTopicInfo> {
  const names = new Set<string>()
  for (const member of members) for (const name of topicsOf(member, image)) names.add(name)
  const topics = new Map<string, SubscribedTopicInfo>()
  for (const name of [...names].sort()) {
    const topic = image.topics.get(name)
    if (topic !== undefined) topics.set(name, { id: topic.id, partitions: topic.partitions.length })
  }
  return topics
}

/** Names and what the regular expression finds; a name need not exist. */
export function topicsOf(
  { subscribedTopicNames, subscribedTopicRegex }: ConsumerMember,
  image: MetadataImage,
): string[] {
  if (subscribedTopicRegex === null || subscribedTopicRegex === '') return [...subscribedTopicNames]
  const regex = wholeName(subscribedTopicRegex)
  if (regex === null) return [...subscribedTopicNames]
  const found = [...image.topics.keys()].filter((name) => regex.test(name))
  return [...new Set([...subscribedTopicNames, ...found])].sort()
}

/** Null for text that is no regular expression. Kafka uses RE2/J, which has no look-around and no back-references. */
export function wholeName(regex: string): RegExp | null {
  try {
    return new RegExp(`^(?:${regex})$`, 'u')
  } catch {
    return null
  }
}

export function sameTopics(
  a: ReadonlyMap<string, SubscribedTopicInfo>,
  b: ReadonlyMap<string, SubscribedTopicInfo>,
): boolean {
  if (a.size !== b.size) return false
  for (const [name, { id, partitions }] of a) {
    const other = b.get(name)
    if (other === undefined || other.id !== id || other.partitions !== partitions) return false
  }
  return true
}
