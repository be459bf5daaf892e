/** `cluster.produce`: records for tests that do not care about clients, sent over the wire like anybody's. */

import { ErrorCode, errorName } from '../protocol/errors.ts'
import { partitionForKey } from '../protocol/hash.ts'
import { makePartitionProduceData, makeProduceRequest, makeTopicProduceData } from '../protocol/make.ts'
import { encodeBatch, type RecordInput } from '../protocol/records.ts'
import type { Connection, Transport } from '../protocol/transport.ts'
import { encodeUtf8 } from '../protocol/utf8.ts'
import { KafkariumError } from './errors.ts'
import type { World } from './world.ts'

export interface ProduceMessage {
  readonly key?: string | Uint8Array | null
  readonly value: string | Uint8Array | null
  readonly partition?: number
  readonly headers?: Readonly<Record<string, string | Uint8Array>>
  /** Milliseconds; default now. */
  readonly timestamp?: number
}

export interface RecordPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

const CLIENT_ID = 'test'
const PRODUCE_VERSION = 7

export interface TestProducer {
  produce(topic: string, messages: readonly (string | ProduceMessage)[]): Promise<RecordPosition[]>
}

export function createTestProducer(world: World, transport: Transport): TestProducer {
  const connections = new Map<number, Connection>()
  const nextPartition = new Map<string, number>()

  async function connectionTo(nodeId: number): Promise<Connection> {
    const known = connections.get(nodeId)
    if (known?.isOpen === true) return known
    const node = world.nodes.get(nodeId)
    if (node === undefined) throw failed('no broker leads the partition')
    const options = { clientId: CLIENT_ID, connectionTimeoutMs: 1000, requestTimeoutMs: 30_000 }
    const connection = await transport.connect(node.host, node.port, options)
    connections.set(nodeId, connection)
    return connection
  }

  function place(topic: string, message: ProduceMessage, count: number): number {
    if (message.partition !== undefined) {
      if (Number.isInteger(message.partition) && message.partition >= 0 && message.partition < count)
        return message.partition
      throw failed(`topic ${topic} has the partitions 0 to ${count - 1}, not ${message.partition}`)
    }
    const { key } = message
    if (key !== undefined && key !== null)
      return partitionForKey(typeof key === 'string' ? encodeUtf8(key) : key, count)
    const next = nextPartition.get(topic) ?? 0
    nextPartition.set(topic, next + 1)
    return next % count
  }

  return {
    async produce(topic, messages) {
      const info = world.controller.image.topics.get(topic)
      if (info === undefined) {
        const known = [...world.controller.image.topics.keys()].filter((name) => !name.startsWith('__'))
        throw new KafkariumError(
          'KAFKARIUM_UNKNOWN_TOPIC',
          `cluster.produce: there is no topic "${topic}". Known: ${known.join(', ') || 'none'}. Name it in createCluster({ topics: { '${topic}': 1 } }).`,
        )
      }
      checkMessages(messages)
      const byPartition = new Map<number, { records: RecordInput[]; places: number[] }>()
      for (const [index, given] of messages.entries()) {
        const message: ProduceMessage = typeof given === 'string' ? { value: given } : given
        const partition = place(topic, message, info.partitions.length)
        let group = byPartition.get(partition)
        if (group === undefined) {
          group = { records: [], places: [] }
          byPartition.set(partition, group)
        }
        group.places.push(index)
        group.records.push({
          key: message.key ?? null,
          value: message.value,
          headers: Object.entries(message.headers ?? {}),
          timestamp: message.timestamp ?? world.now,
        })
      }
      const positions: RecordPosition[] = []
      await Promise.all(
        [...byPartition].map(async ([partition, { records, places }]) => {
          const leader = info.partitions[partition]?.leader ?? -1
          if (leader < 0) throw failed(`${topic}-${partition} has no leader`)
          const connection = await connectionTo(leader).catch(() => {
            throw failed(`broker ${leader}, the leader of ${topic}-${partition}, cannot be reached`)
          })
          const batch = encodeBatch(records)
          const about = { topic, partition, acks: -1, idempotent: false }
          const recorded = transport.recorder?.sending(batch, about)
          recorded?.attempt()
          const request = connection.request(
            'Produce',
            PRODUCE_VERSION,
            makeProduceRequest({
              acks: -1,
              timeoutMs: 30_000,
              topicData: [
                makeTopicProduceData({
                  name: topic,
                  partitionData: [makePartitionProduceData({ index: partition, records: [batch] })],
                }),
              ],
            }),
          )
          const answer = await request.catch(() => {
            recorded?.end(false)
            throw failed(
              `the connection to broker ${leader} ended before its answer: whether the records are stored is unknown`,
            )
          })
          const result = answer.responses[0]?.partitionResponses[0]
          recorded?.answered(result?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR, result?.baseOffset ?? -1)
          recorded?.end(result?.errorCode === ErrorCode.NONE)
          if (result === undefined || result.errorCode !== ErrorCode.NONE) {
            throw failed(`the broker answered ${errorName(result?.errorCode ?? -1)} for ${topic}-${partition}`)
          }
          for (const [i, place] of places.entries())
            positions[place] = { topic, partition, offset: result.baseOffset + i }
        }),
      )
      return positions
    },
  }
}

function checkMessages(messages: readonly (string | ProduceMessage)[]): void {
  const bad = (what: string) => new KafkariumError('KAFKARIUM_BAD_OPTION', `cluster.produce: ${what}`)
  if (!Array.isArray(messages)) throw bad("messages are given as an array: ['a', 'b'] or [{ key: 'k', value: 'v' }].")
  const bytes = (value: unknown) => value === null || typeof value === 'string' || ArrayBuffer.isView(value)
  for (const [index, message] of messages.entries()) {
    if (typeof message === 'string') continue
    const where = `messages[${index}]`
    if (typeof message !== 'object' || message === null) throw bad(`${where} is neither a string nor an object.`)
    if (!bytes(message.value))
      throw bad(
        `${where}.value must be a string, bytes or null, not ${typeof message.value}. Use JSON.stringify for objects.`,
      )
    if (message.key !== undefined && !bytes(message.key))
      throw bad(`${where}.key must be a string, bytes or null, not ${typeof message.key}.`)
  }
}

function failed(why: string): KafkariumError {
  return new KafkariumError('KAFKARIUM_PRODUCE_FAILED', `cluster.produce: ${why}.`)
}
