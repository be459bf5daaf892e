/** The admin client's calls with their options looked at; kafkarium's own ones refuse what they do not know by themselves. */
import type { OptionOwner, WatchOptions } from '../known-options.ts'
import type { Admin } from '../types/clients.ts'

/** With the list whose entries are options, too. */
const LISTS = {
  createTopics: 'topics',
  deleteTopics: null,
  createPartitions: 'topicPartitions',
  fetchTopicMetadata: null,
  fetchOffsets: null,
  setOffsets: null,
  resetOffsets: null,
  describeConfigs: 'resources',
  alterConfigs: 'resources',
  deleteTopicRecords: null,
  alterPartitionReassignments: 'topics',
  listPartitionReassignments: 'topics',
} as const satisfies { readonly [Call in keyof Admin]?: string | null }

type Call = (options: Readonly<Record<string, unknown>> | undefined) => unknown

export function withWatchedOptions(admin: Admin, watch: WatchOptions): Admin {
  const watched: Partial<Record<keyof typeof LISTS, Call>> = {}
  for (const [name, list] of Object.entries(LISTS) as [keyof typeof LISTS, string | null][]) {
    const call = admin[name] as Call
    const owner: OptionOwner = `admin.${name}`
    watched[name] = (options) => {
      watch(owner, options)
      const entries: unknown = list === null ? null : options?.[list]
      if (Array.isArray(entries)) for (const entry of entries) watch(`${owner}.${list}` as OptionOwner, entry)
      return call(options)
    }
  }
  return { ...admin, ...watched } as Admin
}
