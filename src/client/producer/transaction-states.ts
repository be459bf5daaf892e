/** Where a transactional producer stands, with kafkajs's names and texts (transactionStateMachine). */
import { KafkaJSNonRetriableError } from '../errors/base.ts'
import type { Logger } from '../types/logging.ts'

export type TransactionState = 'UNINITIALIZED' | 'READY' | 'TRANSACTING' | 'COMMITTING' | 'ABORTING'

const NEXT: Readonly<Record<TransactionState, readonly TransactionState[]>> = {
  UNINITIALIZED: ['READY'],
  READY: ['READY', 'TRANSACTING'],
  TRANSACTING: ['COMMITTING', 'ABORTING'],
  COMMITTING: ['READY'],
  ABORTING: ['READY'],
}

/** kafkajs's names of the steps, which stand in its texts. */
const LEGAL = {
  initProducerId: ['UNINITIALIZED', 'READY'],
  beginTransaction: ['READY'],
  addPartitionsToTransaction: ['TRANSACTING'],
  sendOffsets: ['TRANSACTING'],
  commit: ['TRANSACTING'],
  abort: ['TRANSACTING'],
} as const satisfies Readonly<Record<string, readonly TransactionState[]>>

export class TransactionStates {
  readonly #logger: Logger
  #current: TransactionState = 'UNINITIALIZED'

  constructor(logger: Logger) {
    this.#logger = logger
  }

  get current(): TransactionState {
    return this.#current
  }

  /** @throws KafkaJSNonRetriableError when the step is not for this state */
  check(step: keyof typeof LEGAL): void {
    const legal: readonly TransactionState[] = LEGAL[step]
    if (legal.includes(this.#current)) return
    throw new KafkaJSNonRetriableError(`Transaction state exception: Cannot call "${step}" in state "${this.#current}"`)
  }

  to(state: TransactionState): void {
    const transition = `${this.#current} --> ${state}`
    this.#logger.debug(`Transaction state transition ${transition}`)
    if (!NEXT[this.#current].includes(state)) {
      throw new KafkaJSNonRetriableError(`Transaction state exception: Invalid transition ${transition}`)
    }
    this.#current = state
  }
}
