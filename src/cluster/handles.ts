/** Topics and groups as a user holds them. */
import { isInternal } from '../broker/index.ts'
import { refuseUnknown } from '../protocol/unknown-options.ts'
import type { GroupHandle, TopicHandle } from './api.ts'
import { milliseconds } from './duration.ts'
import { KafkariumError } from './errors.ts'
import { generationsOf } from './generations.ts'
import { groupView } from './group-view.ts'
import { firstRecord, recordViews, topicViews, viewOf } from './inspect.ts'
import { logEntries } from './log-view.ts'
import { flag } from './parse-options.ts'
import { READ_OPTION_NAMES, type ReadOptions } from './readable.ts'
import { heldUpText } from './stuck-readers.ts'
import type { RecordView, TopicView } from './view.ts'
import type { Waiting } from './waiting.ts'
import type { World } from './world.ts'

/** What the handles need: asked anew at every call, because `reset()` makes another world. */
export interface HandleScope {
  world(): World
  waiting(): Waiting
  /** Records taken with `next`, by `topic-partition`: the offset of the next one. */
  taken(): Map<string, number>
  enter(what: string): void
  readonly deadlineMs: number
}

export function topicHandle(scope: HandleScope, name: string): TopicHandle {
  const find = (): TopicView => {
    const topic = topicViews(scope.world()).find((candidate) => candidate.name === name)
    if (topic !== undefined) return topic
    throw new KafkariumError(
      'KAFKARIUM_UNKNOWN_TOPIC',
      `There is no topic "${name}". Known: ${knownTopics(scope.world())}.`,
    )
  }
  const nextUntaken = (options: ReadOptions): RecordView | undefined => {
    const partitions = scope.world().controller.image.topics.get(name)?.partitions.length ?? 0
    for (let partition = 0; partition < partitions; partition++) {
      const from = scope.taken().get(`${name}-${partition}`) ?? 0
      const record = firstRecord(scope.world(), name, partition, from, options)
      if (record !== undefined) return record
    }
    return undefined
  }
  const check = (partition: number): void => {
    const { length } = find().partitions
    if (Number.isInteger(partition) && partition >= 0 && partition < length) return
    throw new KafkariumError(
      'KAFKARIUM_UNKNOWN_TOPIC',
      `Topic "${name}" has the partitions 0 to ${length - 1}, not ${partition}.`,
    )
  }
  return {
    name,
    get partitions() {
      return find().partitions
    },
    records(which?: number | ReadOptions, more: ReadOptions = {}) {
      const [partition, options] = typeof which === 'object' ? [undefined, which] : [which, more]
      refuseUnknown(options, READ_OPTION_NAMES, 'topic.records')
      flag(options.readUncommitted, 'topic.records: readUncommitted')
      // An internal topic is made when it is first needed; until then it holds nothing.
      if (isInternal(name) && !scope.world().controller.image.topics.has(name)) return []
      if (partition !== undefined) {
        check(partition)
        return recordViews(scope.world(), name, partition, options)
      }
      return find().partitions.flatMap((view) => recordViews(scope.world(), name, view.partition, options))
    },
    log(partition) {
      check(partition)
      return logEntries(scope.world(), name, partition)
    },
    next(nextOptions = {}) {
      scope.enter('topic.next')
      refuseUnknown(nextOptions, ['within', ...READ_OPTION_NAMES], 'topic.next')
      flag(nextOptions.readUncommitted, 'topic.next: readUncommitted')
      const within = milliseconds(nextOptions.within ?? scope.deadlineMs, 'topic.next: within')
      const hint = () =>
        scope.world().controller.image.topics.has(name)
          ? heldUpText(scope.world(), name, nextOptions)
          : ` There is no such topic; known: ${knownTopics(scope.world())}.`
      const taking = async (): Promise<RecordView> => {
        for (;;) {
          const record = nextUntaken(nextOptions)
          if (record !== undefined) {
            scope.taken().set(`${name}-${record.partition}`, record.offset + 1)
            return record
          }
          // Somebody else may take it first: then this one waits on.
          await scope
            .waiting()
            .waitFor(
              `the next record of "${name}"`,
              () => nextUntaken(nextOptions) !== undefined,
              within,
              'drive',
              hint,
            )
        }
      }
      const taken = taking()
      // Nobody need await it: a cluster that ends first is no fault then.
      taken.catch((error: unknown) => error)
      return taken
    },
  }
}

function knownTopics(world: World): string {
  return [...world.controller.image.topics.keys()].filter((other) => !isInternal(other)).join(', ') || 'none'
}

export function groupHandle(scope: HandleScope, id: string): GroupHandle {
  return {
    id,
    view: () => groupView(scope.world(), id),
    members: () => groupView(scope.world(), id)?.members ?? [],
    history: () => generationsOf(scope.world(), id),
    committed: (topic, partition) =>
      groupView(scope.world(), id)?.offsets.find((entry) => entry.topic === topic && entry.partition === partition)
        ?.committed ?? -1,
    lag: () => (groupView(scope.world(), id)?.offsets ?? []).reduce((sum, entry) => sum + (entry.lag ?? 0), 0),
    stable(stableOptions) {
      scope.enter('group.stable')
      refuseUnknown(stableOptions, ['members', 'within'], 'group.stable')
      const wanted = stableOptions?.members
      const within = milliseconds(stableOptions?.within ?? scope.deadlineMs, 'group.stable: within')
      const what = `group "${id}" to be stable${wanted === undefined ? '' : ` with ${membersText(wanted)}`}`
      return scope.waiting().waitFor(
        what,
        () => isStable(scope.world(), id, wanted),
        within,
        'drive',
        () => groupHint(scope.world(), id),
      )
    },
  }
}

function membersText(count: number): string {
  return count === 1 ? '1 member' : `${count} members`
}

function groupHint(world: World, id: string): string {
  const group = groupView(world, id)
  if (group !== null)
    return ` It is ${group.state} with ${membersText(group.members.length)}, generation ${group.generation}.`
  const known = viewOf(world).groups.map((other) => other.id)
  return ` Nobody has heard of it; known: ${known.join(', ') || 'none'}.`
}

function isStable(world: World, id: string, wanted: number | undefined): boolean {
  const group = groupView(world, id)
  if (group === null || group.state !== 'Stable') return false
  return wanted === undefined || group.members.length === wanted
}
