/** Argument checks of the admin client, in kafkajs's order and with its texts (section 5.1 of the API description). */
import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  ConfigResourceTypes,
  ResourcePatternTypes,
} from '../enums.ts'
import { KafkaJSNonRetriableError } from '../errors/base.ts'

type Entry = Readonly<Record<string, unknown>>

const refuse = (message: string): never => {
  throw new KafkaJSNonRetriableError(message)
}

const valuesOf = (enumeration: object): readonly unknown[] => Object.values(enumeration)

function checkArray(value: unknown, what: string): readonly Entry[] {
  if (!value || !Array.isArray(value)) refuse(`Invalid ${what} ${String(value)}`)
  return value as readonly Entry[]
}

/** Entries with a `topic`: names that are texts, none twice. */
function checkTopicEntries(entries: readonly Entry[], what: string): void {
  if (entries.some(({ topic }) => typeof topic !== 'string')) {
    refuse(`Invalid ${what}, the topic names have to be a valid string`)
  }
  if (new Set(entries.map(({ topic }) => topic)).size < entries.length) {
    refuse(`Invalid ${what}, it cannot have multiple entries for the same topic`)
  }
}

export function checkTopicName(topic: unknown): void {
  if (!topic || typeof topic !== 'string') refuse(`Invalid topic ${String(topic)}`)
}

export function checkGroupId(groupId: unknown): void {
  if (!groupId) refuse(`Invalid groupId ${String(groupId)}`)
}

export function checkCreateTopics(topics: unknown): void {
  const entries = checkArray(topics, 'topics array')
  checkTopicEntries(entries, 'topics array')
  for (const { topic, configEntries } of entries) {
    if (configEntries == null) continue
    if (!Array.isArray(configEntries)) refuse(`Invalid configEntries for topic "${String(topic)}", must be an array`)
    for (const [index, entry] of (configEntries as unknown[]).entries()) {
      const start = `Invalid configEntries for topic "${String(topic)}". Entry ${index}`
      if (typeof entry !== 'object' || entry === null) refuse(`${start} must be an object`)
      for (const property of ['name', 'value']) {
        if (!Object.hasOwn(entry as object, property) || typeof (entry as Entry)[property] !== 'string') {
          refuse(`${start} must have a valid "${property}" property`)
        }
      }
    }
  }
}

export function checkCreatePartitions(topicPartitions: unknown): void {
  const entries = checkArray(topicPartitions, 'topic partitions array')
  if (entries.length === 0) refuse('Empty topic partitions array')
  checkTopicEntries(entries, 'topic partitions array')
}

export function checkDeleteTopics(topics: unknown): void {
  const names: readonly unknown[] = checkArray(topics, 'topics array')
  if (names.some((topic) => typeof topic !== 'string')) refuse('Invalid topics array, the names must be a valid string')
}

export function checkSetOffsets({
  groupId,
  topic,
  partitions,
}: {
  groupId?: unknown
  topic?: unknown
  partitions?: unknown
}): void {
  checkGroupId(groupId)
  if (!topic) refuse(`Invalid topic ${String(topic)}`)
  if (!partitions || (partitions as unknown[]).length === 0) refuse('Invalid partitions')
}

function checkResources(resources: unknown): readonly Entry[] {
  const entries = checkArray(resources, 'resources array')
  if (entries.length === 0) refuse('Resources array cannot be empty')
  const types = valuesOf(ConfigResourceTypes)
  const badType = entries.find(({ type }) => !types.includes(type))
  if (badType) refuse(`Invalid resource type ${String(badType.type)}: ${JSON.stringify(badType)}`)
  const badName = entries.find(({ name }) => !name || typeof name !== 'string')
  if (badName) refuse(`Invalid resource name ${String(badName.name)}: ${JSON.stringify(badName)}`)
  return entries
}

export function checkDescribeConfigs(resources: unknown): void {
  const bad = checkResources(resources).find(({ configNames }) => configNames != null && !Array.isArray(configNames))
  if (bad) refuse(`Invalid resource configNames ${String(bad.configNames)}: ${JSON.stringify(bad)}`)
}

export function checkAlterConfigs(resources: unknown): void {
  const entries = checkResources(resources)
  const bad = entries.find(({ configEntries }) => !Array.isArray(configEntries))
  if (bad) refuse(`Invalid resource configEntries ${String(bad.configEntries)}: ${JSON.stringify(bad)}`)
  const badValue = entries.find(({ configEntries }) =>
    (configEntries as Entry[]).some(({ name, value }) => typeof name !== 'string' || typeof value !== 'string'),
  )
  if (badValue) refuse(`Invalid resource config value: ${JSON.stringify(badValue)}`)
}

export function checkDeleteGroups(groupIds: unknown): void {
  const ids: readonly unknown[] = checkArray(groupIds, 'groupIds array')
  // kafkajs prints the outcome of its check, not the name.
  if (ids.some((groupId) => typeof groupId !== 'string')) refuse('Invalid groupId name: true')
}

export function checkDeleteTopicRecords({ topic, partitions }: { topic?: unknown; partitions?: unknown }): void {
  if (!topic || typeof topic !== 'string') refuse(`Invalid topic "${String(topic)}"`)
  if (!partitions || (partitions as unknown[]).length === 0) refuse('Invalid partitions')
}

const isText = (value: unknown): boolean => typeof value === 'string'
const isTextOrMissing = (value: unknown): boolean => value === undefined || isText(value)

function checkAclEntries(entries: readonly Entry[], what: string, isValid: (value: unknown) => boolean): void {
  for (const [field, plural] of [
    ['principal', 'principals'],
    ['host', 'hosts'],
    ['resourceName', 'resourceNames'],
  ] as const) {
    if (!entries.every((entry) => isValid(entry[field])))
      refuse(`Invalid ${what}, the ${plural} have to be a valid string`)
  }
  for (const [field, name, types] of [
    ['operation', 'operation', AclOperationTypes],
    ['resourcePatternType', 'resource pattern', ResourcePatternTypes],
    ['permissionType', 'permission', AclPermissionTypes],
    ['resourceType', 'resource', AclResourceTypes],
  ] as const) {
    const bad = entries.find((entry) => !valuesOf(types).includes(entry[field]))
    if (bad) refuse(`Invalid ${name} type ${String(bad[field])}: ${JSON.stringify(bad)}`)
  }
}

export function checkCreateAcls(acl: unknown): void {
  const entries = checkArray(acl, 'ACL array')
  if (entries.length === 0) refuse('Empty ACL array')
  checkAclEntries(entries, 'ACL array', isText)
}

export function checkDeleteAcls(filters: unknown): void {
  const entries = checkArray(filters, 'ACL Filter array')
  if (entries.length === 0) refuse('Empty ACL Filter array')
  checkAclEntries(entries, 'ACL Filter array', isTextOrMissing)
}

export function checkDescribeAcls(filter: Entry): void {
  for (const field of ['principal', 'host', 'resourceName'] as const) {
    if (!isTextOrMissing(filter[field])) refuse(`Invalid ${field}, the ${field} have to be a valid string`)
  }
  for (const [field, name, types] of [
    ['operation', 'operation', AclOperationTypes],
    ['resourcePatternType', 'resource pattern filter', ResourcePatternTypes],
    ['permissionType', 'permission', AclPermissionTypes],
    ['resourceType', 'resource', AclResourceTypes],
  ] as const) {
    if (!valuesOf(types).includes(filter[field])) refuse(`Invalid ${name} type ${String(filter[field])}`)
  }
}

export function checkAlterReassignments(topics: unknown): void {
  const entries = checkArray(topics, 'topics array')
  checkTopicEntries(entries, 'topics array')
  for (const { topic, partitionAssignment } of entries) {
    if (!partitionAssignment || !Array.isArray(partitionAssignment)) {
      refuse(`Invalid partitions array: ${String(partitionAssignment)} for topic: ${String(topic)}`)
    }
    for (const { partition, replicas } of partitionAssignment as Entry[]) {
      if (typeof partition !== 'number' || partition < 0)
        refuse(`Invalid partitions index: ${String(partition)} for topic: ${String(topic)}`)
      const start = `Invalid replica assignment: ${String(replicas)} for topic: ${String(topic)} on partition: ${String(partition)}`
      if (!replicas || !Array.isArray(replicas)) refuse(start)
      if ((replicas as unknown[]).some((replica) => typeof replica !== 'number' || replica < 0)) {
        refuse(`${start}. Replicas must be a non negative number`)
      }
    }
  }
}

export function checkListReassignments(topics: unknown): void {
  if (!topics) return
  const entries = checkArray(topics, 'topics array')
  checkTopicEntries(entries, 'topics array')
  for (const { topic, partitions } of entries) {
    const start = `Invalid partition array: ${String(partitions)} for topic: ${String(topic)}`
    if (!partitions || !Array.isArray(partitions)) refuse(start)
    if ((partitions as unknown[]).some((partition) => typeof partition !== 'number' || partition < 0)) {
      refuse(`${start}. The partition indices have to be a valid number greater than 0.`)
    }
  }
}

export function refuseTopicsOfFetchOffsets(): never {
  return refuse('Expected topics array to be set')
}
