import { describe, expect, test } from 'vitest'
import { translator } from '../../src/course/i18n/catalog.ts'
import { reasonText } from '../../src/course/sentences.ts'

const ID = 'consumer-1-0a1b2c3d-0000-4000-8000-000000000001'

describe("a coordinator's reason, in the learner's words", () => {
  test.each([
    [`member ${ID} joined`, 'consumer-1 joined', 'consumer-1이 들어왔어요'],
    [`member ${ID} joins again`, 'consumer-1 joined again', 'consumer-1이 다시 들어왔어요'],
    [`leader ${ID} joins again`, 'consumer-1 joined again', 'consumer-1이 다시 들어왔어요'],
    [
      `static member ${ID} with instance id i-1 joined while the assignment was made`,
      'consumer-1 joined again',
      'consumer-1이 다시 들어왔어요',
    ],
    [
      `member ${ID} changed its metadata`,
      'consumer-1 wants other topics or another assignor',
      'consumer-1이 구독이나 할당 방식을 바꿨어요',
    ],
    [
      `member ${ID} was not heard from for its session timeout of 7500 ms`,
      'consumer-1 was silent for 7.5 s',
      'consumer-1의 소식이 7.5초 동안 없었어요',
    ],
    ['it left the group', 'it said goodbye', '인사하고 나갔어요'],
    [`${ID}, ${ID} left the group`, 'consumer-1, consumer-1 left', 'consumer-1, consumer-1이 나갔어요'],
    [
      `member ${ID} did not rejoin within the rebalance timeout`,
      'consumer-1 did not rejoin in time',
      'consumer-1이 제때 다시 들어오지 않았어요',
    ],
    [
      `Removing ${ID} on pending sync request expiration`,
      'consumer-1 did not ask for its assignment in time',
      'consumer-1이 제때 할당을 받아 가지 않았어요',
    ],
    [
      'the assignment could not be stored in time',
      'the assignment could not be stored in time',
      '할당을 제때 저장하지 못했어요',
    ],
  ])('%s', (reason, english, korean) => {
    expect(reasonText(reason, translator('en'))).toBe(english)
    expect(reasonText(reason, translator('ko'))).toBe(korean)
  })

  test('one that has no words yet is shown as it is, without the tails of member ids', () => {
    expect(reasonText(`${ID} moved to Mars`, translator('ko'))).toBe('consumer-1 moved to Mars')
  })
})
