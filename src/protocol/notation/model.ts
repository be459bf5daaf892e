/**
 * What a schema file says, as data. `parse.ts` makes it from text; the emitters (`emit-*.ts`) and the
 * property tests read it. Nothing of this is in the shipped bundle: the codec is generated from it.
 */

/** Inclusive range of API versions; an open end (`3+`) has `to === Infinity`. */
export interface VersionRange {
  readonly from: number
  readonly to: number
}

/** The wire types of Kafka's protocol that have no structure of their own. */
export type PrimitiveName = 'bool' | 'int8' | 'int16' | 'int32' | 'int64' | 'string' | 'bytes' | 'records' | 'uuid'

export interface PrimitiveType {
  readonly kind: 'primitive'
  readonly name: PrimitiveName
}

export interface StructType {
  readonly kind: 'struct'
  readonly name: string
  readonly fields: readonly Field[]
}

export interface ArrayType {
  readonly kind: 'array'
  readonly item: PrimitiveType | StructType
}

export type FieldType = PrimitiveType | StructType | ArrayType

export interface Field {
  readonly name: string
  readonly type: FieldType
  /** The versions whose wire form has the field. */
  readonly versions: VersionRange
  /** The versions in which null may be sent; `null` when never. */
  readonly nullable: VersionRange | null
  /** Tag number of a tagged field (KIP-482), else `null`. */
  readonly tag: number | null
  /** As written after `=`; `null` when the type's own default holds. */
  readonly default: string | null
  /** A value is dropped silently when the version lacks the field; otherwise encoding it is an error. */
  readonly ignorable: boolean
  readonly doc: string
}

export interface ApiDeclaration {
  readonly kind: 'api'
  readonly key: number
  /** `Produce`; the messages are `ProduceRequest` and `ProduceResponse`. */
  readonly name: string
  readonly versions: VersionRange
  /** Flexible versions (compact encodings and tagged fields); `null` for none. */
  readonly flexible: VersionRange | null
  readonly request: StructType
  readonly response: StructType
  readonly doc: string
  readonly file: string
}

export interface DataDeclaration {
  readonly kind: 'data'
  readonly name: string
  readonly versions: VersionRange
  readonly flexible: VersionRange | null
  readonly message: StructType
  readonly doc: string
  readonly file: string
}

export type Declaration = ApiDeclaration | DataDeclaration

/** Whether the range holds the version. */
export function inRange(range: VersionRange | null, version: number): boolean {
  return range !== null && version >= range.from && version <= range.to
}

/** The struct a type leads to, directly or as an array's item. */
export function structOf(type: FieldType): StructType | null {
  if (type.kind === 'struct') return type
  return type.kind === 'array' && type.item.kind === 'struct' ? type.item : null
}
