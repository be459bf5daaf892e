/** Verbs that print. */
import { judge, WRONGS } from './judge.ts'
import { listText, partitionsText, recordText, table } from './names.ts'
import type { Scene } from './scene.ts'
import { storyOf } from './story.ts'
import { timeText } from './time.ts'
import { recordRows } from './transactions.ts'
import { inScene, type Verb } from './verb.ts'

export const printVerbs: Readonly<Record<string, Verb>> = {
  story: {
    usage: 'story (all that has happened since the last one)',
    read(words) {
      words.end()
      return inScene(words, (scene) => {
        const { entries } = scene.journal
        const since = entries.slice(scene.told)
        scene.told = entries.length
        return storyOf(scene, since)
      })
    },
  },

  effects: {
    usage: 'effects [NAME …]',
    read(words) {
      const names = words.rest()
      words.end()
      return inScene(words, (scene) => {
        const kinds = ['began', 'did', 'threw', 'buried', 'refused-effect', 'said']
        const wanted = scene.journal.entries.filter(
          (entry) =>
            'who' in entry &&
            (kinds.includes(entry.kind) || (entry.kind === 'process' && entry.text !== 'starts')) &&
            (names.length === 0 || names.includes(entry.who)),
        )
        return storyOf(scene, wanted)
      })
    },
  },

  commits: {
    usage: 'commits [of GROUP]',
    read(words) {
      const group = words.after('of', 'a group') ?? 'billing'
      words.end()
      return inScene(words, (scene) =>
        storyOf(
          scene,
          scene.journal.entries.filter(
            (entry) => (entry.kind === 'commit' || entry.kind === 'refused') && entry.group === group,
          ),
        ),
      )
    },
  },

  describe: {
    usage: 'describe [GROUP]',
    read(words) {
      const group = words.maybe() ?? 'billing'
      words.end()
      return inScene(words, (scene) => describe(scene, group))
    },
  },

  history: {
    usage: 'history [GROUP]',
    read(words) {
      const group = words.maybe() ?? 'billing'
      words.end()
      return inScene(words, (scene) => history(scene, group))
    },
  },

  lag: {
    usage: 'lag [GROUP]',
    read(words) {
      const group = words.maybe() ?? 'billing'
      words.end()
      return inScene(words, ({ cluster }) => {
        const offsets = cluster.group(group).view()?.offsets ?? []
        const rows = offsets.map(({ topic, partition, committed, logEndOffset, lag }) => [
          `${topic}-${partition}`,
          committed < 0 ? 'no commit' : `committed ${committed}`,
          `end ${logEndOffset}`,
          lag === null ? '' : `lag ${lag}`,
        ])
        return rows.length === 0 ? ['no commits'] : table(rows)
      })
    },
  },

  records: {
    usage: 'records TOPIC',
    read(words) {
      const topic = words.word('a topic')
      words.end()
      return inScene(words, (scene) => {
        const rows = recordRows(scene, topic)
        return rows.length === 0 ? ['none'] : table(rows)
      })
    },
  },

  pauses: {
    usage: 'pauses [GROUP] (how long nobody owned anything, between the first generation and the last)',
    read(words) {
      const group = words.maybe() ?? 'billing'
      words.end()
      return inScene(words, (scene) => pauses(scene, group))
    },
  },

  delays: {
    usage: 'delays (how long records waited until somebody had done them)',
    read(words) {
      words.end()
      return inScene(words, (scene) => delays(scene))
    },
  },

  check: {
    usage: 'check [GROUP | NAME]',
    read(words) {
      const who = words.maybe() ?? 'billing'
      words.end()
      return inScene(words, (scene) => {
        const verdict = judge(scene, who)
        const alone = scene.workers.has(who)
        const reads = alone || [...scene.workers.values()].some(({ plan }) => plan.group === who)
        const writes = !reads || scene.pipes.has(who) ? ['lost-append', 'dup-append'] : []
        const always = alone ? ['unseen'] : reads ? [...writes, 'lost-effect', 'dup-effect'] : writes
        // What is lost is also unseen: that goes without saying.
        const said = !reads || (verdict.unseen.length === verdict['lost-effect'].length && !alone)
        const shown = WRONGS.filter(
          (wrong) => always.includes(wrong) || (verdict[wrong].length > 0 && !(said && wrong === 'unseen')),
        )
        return table(shown.map((wrong) => [wrong, listText(verdict[wrong])]))
      })
    },
  },
}

function describe({ cluster, journal }: Scene, id: string): readonly string[] {
  const group = cluster.group(id).view()
  if (group === null) return [`nobody knows ${id}`]
  const members = group.members.map(({ id: member, assignment }) => [
    `  ${journal.named(member)}`,
    partitionsText(assignment.map(({ topic, partition }) => `${topic}-${partition}`)),
  ])
  const where = cluster.nodes().length > 1 ? `, coordinated by broker ${group.coordinator}` : ''
  return [`${id} is ${group.state}, generation ${group.generation}${where}`, ...table(members)]
}

function history({ cluster, journal, began }: Scene, id: string): readonly string[] {
  const generations = cluster.group(id).history()
  if (generations.length === 0) return ['no generations']
  return generations.flatMap(({ generation, stableAt, ended, reason, owners }) => {
    const from = stableAt === null ? 'never stable' : timeText(stableAt - began)
    const to = ended === null ? 'now' : timeText(ended - began)
    const who = owners.map(({ member, partitions }) => `${journal.client(member)} ${partitionsText(partitions)}`)
    return [
      `generation ${generation}, ${from} to ${to}: ${[...new Set(who)].sort().join(', ')}`,
      `  because ${journal.named(reason)}`,
    ]
  })
}

/** An eager rebalance stops everybody: from the end of one stable generation to the next. */
function pauses({ cluster }: Scene, id: string): readonly string[] {
  const generations = cluster.group(id).history()
  const lengths: number[] = []
  let stopped: number | null = null
  for (const { stableAt, ended } of generations) {
    if (stableAt !== null && stopped !== null) lengths.push(stableAt - stopped)
    if (stableAt !== null) stopped = ended
  }
  const total = lengths.reduce((sum, length) => sum + length, 0)
  const each = lengths.length === 0 ? '' : `: ${lengths.map(timeText).join(', ')}`
  const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`
  return [
    `${plural(generations.length, 'generation')}, ${plural(lengths.length, 'pause')}, ${timeText(total)} in all${each}`,
  ]
}

function delays(scene: Scene): readonly string[] {
  const { cluster, journal, began, topic } = scene
  const records = cluster.topic(topic).records({ readUncommitted: true })
  const doneAt = new Map<string, number>()
  for (const entry of journal.entries) {
    if (entry.kind !== 'did' || entry.place.topic !== topic) continue
    const key = `${entry.place.partition}@${entry.place.offset}`
    if (!doneAt.has(key)) doneAt.set(key, entry.time)
  }
  const waits = records.map((record) => {
    const done = doneAt.get(`${record.partition}@${record.offset}`)
    const name = recordText(cluster, record, record.value ?? 'null')
    return { name, wait: (done ?? cluster.now - began) - (record.timestamp - began), open: done === undefined }
  })
  const late = waits.filter(({ wait }) => wait > 1000).length
  const open = waits.filter((one) => one.open).length
  const worst = waits.reduce((most, one) => (one.wait > most.wait ? one : most), { name: 'none', wait: 0, open: false })
  return [
    `${late} of ${waits.length} records waited for more than 1s${open === 0 ? '' : `, ${open} still wait`}`,
    `the longest: ${timeText(worst.wait)}, ${worst.name}`,
  ]
}
