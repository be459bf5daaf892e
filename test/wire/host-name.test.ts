/** What may be listened at and told to clients: a host, and nothing around it. */
import { isIP } from 'node:net'
import { fc, test as property } from '@fast-check/vitest'
import { describe, expect, test } from 'vitest'
import { isHost } from '../../src/cluster/wire/host-name.ts'
import { createCluster } from '../../src/index.ts'

describe('isHost', () => {
  test.each([
    'localhost',
    'kafka-1',
    'broker.example.com',
    'broker.example.com.',
    'my_container',
    '10.0.0.1',
    '::1',
    '::',
    'fe80::1%eth0',
  ])('%s is one', (text) => expect(isHost(text)).toBe(true))

  test.each([
    '',
    ' ',
    'a b',
    ' localhost',
    'localhost\n',
    'PLAINTEXT://localhost:9092',
    'http://localhost',
    'localhost:9092',
    '10.0.0.1:9092',
    '10.0.0.256',
    '10.0.1',
    '9092',
    '[::1]',
    '[::1]:9092',
    'fe80::1%',
    '-a',
    'a..b',
    'a/b',
    '*',
    `${'a'.repeat(64)}.example`,
    5,
    null,
  ])('%j is none', (text) => expect(isHost(text)).toBe(false))

  const group = fc.stringMatching(/^[0-9a-g]{0,5}$/)
  const addresses = fc.oneof(
    fc.ipV6(),
    fc
      .array(fc.constantFrom('::', ':', '1', 'ffff', '0', '10.0.0.1', '1.2'), { maxLength: 12 })
      .map((parts) => parts.join('')),
    fc.array(group, { minLength: 3, maxLength: 9 }).map((groups) => groups.join(':')),
  )
  property.prop([addresses], { numRuns: 5000 })('what has colons is judged as Node judges it', (text) => {
    fc.pre(text.includes(':'))
    expect([text, isHost(text)]).toEqual([text, isIP(text) === 6])
  })

  property.prop([fc.stringMatching(/^\d{1,4}(\.\d{1,4}){0,4}$/)], { numRuns: 5000 })(
    'and so is what has numbers only',
    (text) => {
      expect([text, isHost(text)]).toEqual([text, isIP(text) === 4])
    },
  )
})

test('cluster.listen refuses what nobody can reach, and says what to give', async () => {
  await using cluster = createCluster()
  const listen = (options: object) => cluster.listen({ port: 0, ...options })
  await expect(listen({ advertisedHost: '10.0.0.1:9092' })).rejects.toMatchObject({
    code: 'KAFKARIUM_BAD_OPTION',
    message: expect.stringMatching(
      /^listen\.advertisedHost: "10\.0\.0\.1:9092" is no host name\. Give .* without scheme, port/,
    ),
  })
  await expect(listen({ host: 'a b' })).rejects.toThrow(
    /^listen\.host: "a b" is no address\. Give an IP address or a name/,
  )
  const server = await listen({ advertisedHost: 'fd00::7' })
  expect(server.brokers).toEqual([expect.stringMatching(/^\[fd00::7\]:\d+$/)])
  await server.close()
})
