/** The laws of groups notice what they are there for: worlds that Kafka's rules forbid are put before them. */
import { describe, expect, test } from 'vitest'
import { type ClassicGroup, GROUP_LAWS, type Group } from '../../src/broker/index.ts'
import type { Fact } from '../../src/kernel/index.ts'
import { commit, group, newBench, stable } from './groups-support.ts'
import type { Bench } from './support.ts'

const check = (id: string, bench: Bench, before: Group, facts: readonly Fact[]) => {
  bench.state.touched?.groups.add('g')
  const scope = { broker: bench.state, before: new Map([['g', before]]), facts, now: bench.now }
  // Groups of either protocol have laws of the same id.
  for (const law of GROUP_LAWS) {
    const broken = law.id === id ? law.check(scope) : null
    if (broken !== null) return broken
  }
  return null
}
const now = (bench: Bench) => group(bench) as ClassicGroup
const committed = (member: string, generation: number): Fact => ({
  type: 'offset.commit',
  group: 'g',
  member,
  generation,
  topic: 'orders',
  partition: 0,
  offset: 1,
})
const moved = (from: ClassicGroup['state'], to: ClassicGroup['state']): Fact => ({
  type: 'group.state',
  group: 'g',
  from,
  to,
  generation: 1,
  reason: '',
})

describe('laws of groups', () => {
  test('all hold while nothing happens', () => {
    const bench = newBench()
    stable(bench, 2)
    for (const { id } of GROUP_LAWS) expect(check(id, bench, now(bench), [])).toBeNull()
  })

  test('G3: a generation that goes back, or jumps without a rebalance', () => {
    const bench = newBench()
    stable(bench, 1)
    expect(check('G3', bench, { ...now(bench), generation: 2 }, [])).toMatch(/went from generation 2 to 1/)
    expect(check('G3', bench, { ...now(bench), generation: 0 }, [])).toMatch(/0 rebalances led/)
    const round = [moved('PreparingRebalance', 'CompletingRebalance')]
    expect(check('G3', bench, { ...now(bench), generation: 0 }, round)).toBeNull()
  })

  test('G4: a commit of a stranger, of another generation, while the assignment is made, of nobody', () => {
    const bench = newBench()
    const { leader } = stable(bench, 1)
    const before = now(bench)
    expect(check('G4', bench, before, [committed(leader, 1)])).toBeNull()
    expect(check('G4', bench, before, [committed('ghost', 1)])).toMatch(/no such member/)
    expect(check('G4', bench, before, [committed(leader, 7)])).toMatch(/the generation is 1/)
    expect(check('G4', bench, { ...before, state: 'CompletingRebalance' }, [committed(leader, 1)])).toMatch(
      /being made/,
    )
    expect(check('G4', bench, before, [committed('', -1)])).toMatch(/the group is Stable/)
    expect(check('G4', bench, { ...before, state: 'Empty' }, [committed('', -1)])).toBeNull()
  })

  test('G5: an edge that Kafka’s groups have not, or one that was not told', () => {
    const bench = newBench()
    stable(bench, 1)
    const empty: ClassicGroup = { ...now(bench), state: 'Empty' }
    expect(check('G5', bench, empty, [moved('Empty', 'Stable')])).toMatch(/from Empty by way of Empty to Stable/)
    expect(check('G5', bench, empty, [])).toMatch(/is Stable, and told Empty/)
  })

  test('G6: an offset that is not what the log says', () => {
    const bench = newBench()
    const { leader, generation } = stable(bench, 1)
    commit(bench, leader, generation, 5)
    bench.state.touched?.partitions.add('__consumer_offsets-0')
    expect(check('G6', bench, now(bench), [])).toBeNull()
    bench.state.shards.get(0)?.offsets.get('g')?.get('orders')?.delete(0)
    expect(check('G6', bench, now(bench), [])).toMatch(/the log says 5, the coordinator none/)
  })

  test('G7: a member that expires before its session timeout is over', () => {
    const bench = newBench()
    const { leader } = stable(bench, 1)
    const expired: Fact = { type: 'group.leave', group: 'g', member: leader, cause: 'expired', reason: '' }
    expect(check('G7', bench, now(bench), [expired])).toMatch(/expired after 0 of 30000 ms/)
    bench.now += 30_000
    expect(check('G7', bench, now(bench), [expired])).toBeNull()
  })
})
