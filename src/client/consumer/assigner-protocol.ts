/**
 * kafkajs's encoding of subscriptions and assignments, for custom assigners (KJ16): the layout of version 0, whatever number an
 * assigner puts in front. A subscription that says what its member owns has the real layout of its version.
 */
import { decodeSubscription, encodeSubscription } from '../../protocol/consumer-protocol.ts'
import { decodeUtf8, utf8Length, writeUtf8 } from '../../protocol/utf8.ts'
import { asHostBytes, copyAsHostBytes } from '../bytes.ts'
import type { Assignment, ISerializer, MemberAssignment, MemberMetadata } from '../types/assigners.ts'
import type { Bytes } from '../types/bytes.ts'

class Writer {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(size: number) {
    this.#bytes = new Uint8Array(size)
    this.#view = new DataView(this.#bytes.buffer)
  }

  int16(value: number): void {
    this.#view.setInt16(this.#at, value)
    this.#at += 2
  }

  int32(value: number): void {
    this.#view.setInt32(this.#at, value)
    this.#at += 4
  }

  string(text: string): void {
    this.int16(utf8Length(text))
    this.#at = writeUtf8(text, this.#bytes, this.#at)
  }

  bytes(value: Uint8Array): void {
    this.int32(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  done(): Bytes {
    return asHostBytes(this.#bytes)
  }
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  int16(): number {
    this.#at += 2
    return this.#view.getInt16(this.#at - 2)
  }

  int32(): number {
    this.#at += 4
    return this.#view.getInt32(this.#at - 4)
  }

  string(): string {
    const length = this.int16()
    this.#at += length
    return decodeUtf8(this.#bytes, this.#at - length, this.#at)
  }

  array<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, read)
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** `null` for a length of -1. */
  bytes(): Bytes {
    const length = this.int32()
    if (length < 0) return null as unknown as Bytes
    this.#at += length
    return copyAsHostBytes(this.#bytes.subarray(this.#at - length, this.#at))
  }
}

const stringSize = (text: string): number => 2 + utf8Length(text)
const nothing: Uint8Array = new Uint8Array(0)

type Optional<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>

const memberMetadata = {
  encode(metadata: Optional<MemberMetadata, 'userData'>): Bytes {
    const { version, topics, userData, ownedPartitions, generationId, rackId } = metadata
    if (ownedPartitions !== undefined || generationId !== undefined || rackId !== undefined) {
      const subscription = { topics, userData: userData ?? null, ownedPartitions: listTopics(ownedPartitions ?? {}) }
      return asHostBytes(
        encodeSubscription({ ...subscription, generationId: generationId ?? -1, rackId: rackId ?? null }, version),
      )
    }
    const data: Uint8Array = userData ?? nothing
    const writer = new Writer(2 + 4 + topics.reduce((size, topic) => size + stringSize(topic), 0) + 4 + data.length)
    writer.int16(version)
    writer.int32(topics.length)
    for (const topic of topics) writer.string(topic)
    writer.bytes(data)
    return writer.done()
  },
  /** As kafkajs reads it, and what members say beyond that. */
  decode(buffer: Bytes): MemberMetadata {
    const reader = new Reader(buffer)
    const version = reader.int16()
    const plain = { version, topics: reader.array(() => reader.string()), userData: reader.bytes() }
    if (version < 1 || reader.isAtEnd) return plain
    const { ownedPartitions, generationId, rackId } = decodeSubscription(buffer)
    return {
      ...plain,
      ownedPartitions: asAssignment(ownedPartitions),
      ...(version < 2 ? {} : { generationId }),
      ...(version < 3 ? {} : { rackId }),
    }
  },
}

type TopicPartitions = readonly { readonly topic: string; readonly partitions: readonly number[] }[]

/** By topic and partition, as ConsumerProtocol.serializeSubscription sorts them. */
export function listTopics(assignment: Assignment): TopicPartitions {
  return Object.keys(assignment)
    .sort()
    .map((topic) => ({ topic, partitions: [...(assignment[topic] as number[])].sort((a, b) => a - b) }))
}

export function asAssignment(topics: TopicPartitions): Assignment {
  const assignment = Object.create(null) as Assignment
  for (const { topic, partitions } of topics) assignment[topic] = [...partitions]
  return assignment
}

const memberAssignment = {
  encode({ version, assignment, userData }: Optional<MemberAssignment, 'userData'>): Bytes {
    const data: Uint8Array = userData ?? nothing
    const topics = Object.entries(assignment)
    const size = topics.reduce((sum, [topic, partitions]) => sum + stringSize(topic) + 4 + 4 * partitions.length, 0)
    const writer = new Writer(2 + 4 + size + 4 + data.length)
    writer.int16(version)
    writer.int32(topics.length)
    for (const [topic, partitions] of topics) {
      writer.string(topic)
      writer.int32(partitions.length)
      for (const partition of partitions) writer.int32(partition)
    }
    writer.bytes(data)
    return writer.done()
  },
  /** `null` for empty bytes: a member that got nothing. */
  decode(buffer: Bytes): MemberAssignment | null {
    if (buffer.length < 2) return null
    const reader = new Reader(buffer)
    const version = reader.int16()
    const assignment: Assignment = {}
    reader.array(() => {
      assignment[reader.string()] = reader.array(() => reader.int32())
    })
    return { version, assignment, userData: reader.bytes() }
  },
}

export const AssignerProtocol: {
  MemberMetadata: ISerializer<MemberMetadata> & typeof memberMetadata
  MemberAssignment: ISerializer<MemberAssignment> & typeof memberAssignment
} = { MemberMetadata: memberMetadata, MemberAssignment: memberAssignment }
