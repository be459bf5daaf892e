/** The sandbox's transactional producer: it begins, writes, commits, aborts, and can be killed. */
import type { Cluster } from '../../index.ts'
import { CLIENT } from './consumers.ts'
import type { Notice } from './controller.ts'

export interface Transactions {
  begin(): Promise<Notice>
  write(): Promise<Notice>
  end(how: 'commit' | 'abort'): Promise<Notice>
  kill(): Notice
}

export const TRANSACTIONAL_ID = 'checkout'
/** Short enough to watch a coordinator abort it. */
export const TRANSACTION_TIMEOUT_MS = 30_000
const TOPIC = 'orders'
const PARTITIONS = 3
/** One write reaches two partitions, the next one begins at the second of them. */
const RECORDS = 2

type Client = ReturnType<Cluster['kafka']>
type Producer = ReturnType<Client['producer']>
type Transaction = Awaited<ReturnType<Producer['transaction']>>

interface Life {
  readonly name: string
  readonly handle: ReturnType<Cluster['process']>
  readonly producer: Promise<Producer>
  transaction: Transaction | null
  /** A call that has not been answered yet. */
  busy: boolean
}

const id = TRANSACTIONAL_ID

export function createTransactions(cluster: Cluster): Transactions {
  let life: Life | null = null
  let lives = 0
  let written = 0

  function start(): Life {
    lives += 1
    const name = `${id}-${lives}`
    let made: (producer: Producer) => void = () => {}
    const producer = new Promise<Producer>((resolve) => {
      made = resolve
    })
    const handle = cluster.process(name, async ({ newKafka, onStop }) => {
      const own = newKafka(CLIENT).producer({ transactionalId: id, transactionTimeout: TRANSACTION_TIMEOUT_MS })
      onStop(() => own.disconnect())
      await own.connect()
      made(own)
    })
    return { name, handle, producer, transaction: null, busy: false }
  }

  /** One call at a time: while the world is paused none is answered. */
  async function alone(at: Life, work: () => Promise<Notice>): Promise<Notice> {
    if (at.busy) return { id: 'txns.busy' }
    at.busy = true
    try {
      return await work()
    } catch (error) {
      // Another epoch counts now: nothing this producer does can succeed any more.
      if ((error as { type?: string }).type !== 'INVALID_PRODUCER_EPOCH') throw error
      gone(at)
      await at.handle.stop()
      return { id: 'txns.fenced', params: { id } }
    } finally {
      at.busy = false
    }
  }

  function gone(at: Life): void {
    at.transaction = null
    if (life === at) life = null
  }

  return {
    async begin() {
      if (life?.transaction?.isActive()) return { id: 'txns.begun-already' }
      life ??= start()
      const at = life
      return alone(at, async () => {
        at.transaction = await (await at.producer).transaction()
        return { id: 'txns.begun', params: { id }, done: true }
      })
    },
    async write() {
      const at = life
      // The answer to `begin` may still be on its way.
      if (at?.busy) return { id: 'txns.busy' }
      const transaction = at?.transaction
      if (!at || !transaction?.isActive()) return { id: 'txns.none-begun' }
      return alone(at, async () => {
        const messages = Array.from({ length: RECORDS }, (_unused, index) => {
          const partition = (written + index) % PARTITIONS
          return { key: `basket-${written + 1}`, value: `checkout ${written + 1}`, partition }
        })
        written += 1
        await transaction.send({ topic: TOPIC, messages })
        return { id: 'txns.written', params: { count: messages.length }, done: true }
      })
    },
    async end(how) {
      const at = life
      if (at?.busy) return { id: 'txns.busy' }
      const transaction = at?.transaction
      if (!at || !transaction?.isActive()) return { id: 'txns.none-begun' }
      return alone(at, async () => {
        await transaction[how]()
        at.transaction = null
        return { id: how === 'commit' ? 'txns.committed' : 'txns.aborted', done: true }
      })
    },
    kill() {
      const at = life
      if (at === null) return { id: 'txns.no-producer' }
      const wasOpen = at.transaction?.isActive() === true
      gone(at)
      at.handle.crash()
      const seconds = TRANSACTION_TIMEOUT_MS / 1000
      return { id: wasOpen ? 'txns.killed.open' : 'txns.killed', params: { id, seconds }, done: true }
    },
  }
}
