/**
 * Compile-time only: our types fit kafkajs's, and programs typed against kafkajs compile against ours. `tsc` over the
 * project is what runs this file.
 */
import type * as kafkajs from 'kafkajs'
import type * as ours from '../../src/client/index.ts'
import type * as values from '../../src/client/index.ts'

declare function fits<Theirs>(value: Theirs): void
declare const kafka: ours.Kafka

fits<kafkajs.Kafka>(kafka)
fits<kafkajs.Producer>(kafka.producer())
fits<kafkajs.Consumer>(kafka.consumer({ groupId: 'g' }))
fits<kafkajs.Admin>(kafka.admin())
fits<kafkajs.Logger>(kafka.logger())

declare const exported: typeof values
fits<typeof kafkajs.Partitioners>(exported.Partitioners)
fits<typeof kafkajs.PartitionAssigners>(exported.PartitionAssigners)
fits<typeof kafkajs.AssignerProtocol>(exported.AssignerProtocol)
fits<typeof kafkajs.CompressionCodecs>(exported.CompressionCodecs)
fits<typeof kafkajs.CompressionTypes>(exported.CompressionTypes)
fits<typeof kafkajs.logLevel>(exported.logLevel)
fits<typeof kafkajs.ConfigResourceTypes>(exported.ConfigResourceTypes)
fits<typeof kafkajs.ConfigSource>(exported.ConfigSource)
fits<typeof kafkajs.AclResourceTypes>(exported.AclResourceTypes)
fits<typeof kafkajs.AclOperationTypes>(exported.AclOperationTypes)
fits<typeof kafkajs.AclPermissionTypes>(exported.AclPermissionTypes)
fits<typeof kafkajs.ResourcePatternTypes>(exported.ResourcePatternTypes)

// Options typed against kafkajs are taken, and the other way round.
declare const theirProducer: kafkajs.ProducerConfig
declare const theirConsumer: kafkajs.ConsumerConfig
declare const theirRun: kafkajs.ConsumerRunConfig
declare const theirRecord: kafkajs.ProducerRecord
declare const theirTopic: kafkajs.ITopicConfig
kafka.producer(theirProducer)
kafka.consumer(theirConsumer).run(theirRun)
kafka.producer().send(theirRecord)
kafka.admin().createTopics({ topics: [theirTopic] })
declare const theirConfig: kafkajs.KafkaConfig
fits<ours.KafkaConfig>(theirConfig)
declare const theirAssigner: kafkajs.PartitionAssigner
fits<ours.PartitionAssigner>(theirAssigner)
fits<kafkajs.PartitionAssigner>(exported.PartitionAssigners.roundRobin)
declare const theirPartitioner: kafkajs.ICustomPartitioner
fits<ours.ICustomPartitioner>(theirPartitioner)

// A program written for kafkajs.
async function program(client: kafkajs.Kafka): Promise<void> {
  const consumer = client.consumer({ groupId: 'billing' })
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => void [error, restart])
  await consumer.subscribe({ topics: ['orders', /^audit/], fromBeginning: true })
  await consumer.run({
    eachBatch: async ({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, uncommittedOffsets }) => {
      for (const { offset, value, headers } of batch.messages) void [resolveOffset(offset), value?.toString(), headers]
      await heartbeat()
      await commitOffsetsIfNecessary(uncommittedOffsets())
    },
  })
}
void program(kafka)

// The same, typed by us.
async function ownProgram(client: ours.Kafka): Promise<void> {
  const consumer = client.consumer({ groupId: 'billing' })
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => void [error.message, restart])
  consumer.on('consumer.network.request', ({ payload }) => void payload.duration)
  const [metadata] = await client
    .producer()
    .send({ topic: 't', messages: [{ value: 'v' }], compression: exported.CompressionTypes.GZIP })
  void metadata?.baseOffset
}
void ownProgram

// Errors: whoever handles kafkajs's can be handed ours.
declare const protocolError: ours.KafkaJSProtocolError
fits<kafkajs.KafkaJSProtocolError>(protocolError)
declare const retriesExceeded: ours.KafkaJSNumberOfRetriesExceeded
fits<kafkajs.KafkaJSNumberOfRetriesExceeded>(retriesExceeded)
declare const connectionError: ours.KafkaJSConnectionError
fits<kafkajs.KafkaJSConnectionError>(connectionError)
declare const timeoutError: ours.KafkaJSRequestTimeoutError
fits<kafkajs.KafkaJSRequestTimeoutError>(timeoutError)
