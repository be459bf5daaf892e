/** A typo in a topic's name: kafkajs's error names no topic, so a line of ours does. */
import { createCluster } from 'kafkarium'
import { expect, test, vi } from 'vitest'

test.each([
  [false, /there was no topic ordres\. Make it first.*Known: orders \(groupId=billing\)/],
  [true, /there was no topic ordres \(made on demand just now\)/],
] as const)('auto.create.topics.enable=%s', async (auto, line) => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  try {
    await using cluster = createCluster({ topics: { orders: 1 }, config: { 'auto.create.topics.enable': auto } })
    const consumer = cluster.kafka().consumer({ groupId: 'billing' })
    await consumer.connect()
    await expect(consumer.subscribe({ topics: ['ordres'] })).rejects.toMatchObject({
      name: 'KafkaJSProtocolError',
      type: 'UNKNOWN_TOPIC_OR_PARTITION',
    })
    expect(warn.mock.calls.flat().join('')).toMatch(line)
  } finally {
    warn.mockRestore()
  }
})
