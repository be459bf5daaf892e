import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createQueue, nextLoopTime, peek, pop, push, reclassify, remove } from '../../src/kernel/index.ts'

describe('the event queue', () => {
  test('orders by time, and events of one instant in the order they were armed', () => {
    const queue = createQueue<string>()
    push(queue, 5, 'work', 'b')
    push(queue, 1, 'work', 'a')
    push(queue, 5, 'daemon', 'c')
    push(queue, 5, 'work', 'd')
    expect([pop(queue), pop(queue), pop(queue), pop(queue)].map((event) => event?.payload)).toEqual([
      'a',
      'b',
      'c',
      'd',
    ])
    expect(pop(queue)).toBeUndefined()
  })

  test('any mix of push, pop and remove behaves like a sorted list', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ op: fc.constant('push' as const), time: fc.nat(20) }),
            fc.record({ op: fc.constant('pop' as const) }),
            fc.record({ op: fc.constant('remove' as const), at: fc.nat(50) }),
          ),
          { maxLength: 200 },
        ),
        (steps) => {
          const queue = createQueue<number>()
          let model: { time: number; id: number; event: ReturnType<typeof push<number>> }[] = []
          let id = 0
          for (const step of steps) {
            if (step.op === 'push') {
              model.push({ time: step.time, id, event: push(queue, step.time, 'work', id) })
              id += 1
            } else if (step.op === 'remove') {
              const victim = model[step.at % Math.max(model.length, 1)]
              if (victim !== undefined) {
                remove(queue, victim.event)
                remove(queue, victim.event)
                model = model.filter((entry) => entry !== victim)
              }
            } else {
              const first = [...model].sort((a, b) => a.time - b.time || a.id - b.id)[0]
              expect(peek(queue)?.payload).toBe(first?.id)
              expect(pop(queue)?.payload).toBe(first?.id)
              model = model.filter((entry) => entry !== first)
            }
            expect(queue.workCount).toBe(model.length)
            expect(queue.heap.length).toBe(model.length)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('counts kinds, also when they change', () => {
    const queue = createQueue<null>()
    const session = push(queue, 10, 'daemon', null)
    const restart = push(queue, 4, 'loop', null)
    push(queue, 7, 'loop', null)
    expect([queue.workCount, queue.recoveryCount, nextLoopTime(queue)]).toEqual([0, 0, 4])
    reclassify(queue, session, 'recovery')
    remove(queue, restart)
    expect([queue.workCount, queue.recoveryCount, nextLoopTime(queue)]).toEqual([0, 1, 7])
    while (pop(queue) !== undefined);
    expect([queue.recoveryCount, nextLoopTime(queue)]).toEqual([0, Number.POSITIVE_INFINITY])
    reclassify(queue, session, 'work')
    expect(queue.workCount).toBe(0)
  })
})
