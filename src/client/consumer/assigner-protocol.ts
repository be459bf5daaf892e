/**
 * kafkajs's encoding of subscriptions and assignments, for custom assigners (KJ16). Always the layout of version 0,
 * whatever number an assigner puts in front; `src/protocol` has the real versions.
 */
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
  encode({ version, topics, userData }: Optional<MemberMetadata, 'userData'>): Bytes {
    const data: Uint8Array = userData ?? nothing
    const writer = new Writer(2 + 4 + topics.reduce((size, topic) => size + stringSize(topic), 0) + 4 + data.length)
    writer.int16(version)
    writer.int32(topics.length)
    for (const topic of topics) writer.string(topic)
    writer.bytes(data)
    return writer.done()
  },
  decode(buffer: Bytes): MemberMetadata {
    const reader = new Reader(buffer)
    return { version: reader.int16(), topics: reader.array(() => reader.string()), userData: reader.bytes() }
  },
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
