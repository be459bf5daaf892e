/** How batches get their sequence numbers: one way for plain producers (none), one for idempotent ones, one for kafkajs's quirk. */
import type { RecordBatch } from '../../protocol/batch.ts'
import type { BrokerClient } from '../network/broker.ts'

/** A batch on its way. */
export interface Outgoing {
  readonly topic: string
  readonly partition: number
  /** Replaced when it gets its sequence. */
  batch: RecordBatch
}

export interface Sequencer {
  /** A send begins. */
  lane(topics: readonly string[]): Lane
}

/** One send's way through the sequencer. What is undefined need not be waited for. */
export interface Lane {
  /** Before its batches are made: until sends before it, to the same topics, have made theirs. */
  readonly admitted: Promise<void> | undefined
  /** Its batches are made: until it is their turn. */
  queue(batches: readonly Outgoing[]): Promise<void> | undefined
  /** One request with some of the batches: gives them their sequences, then calls `attempt`. */
  request<R>(broker: BrokerClient, batches: readonly Outgoing[], attempt: () => Promise<R>): Promise<R>
  /** The broker's word on one batch of the request that is under way. */
  answered(batch: Outgoing, errorCode: number): void
  /** The send is over, one way or the other. */
  end(): void
}

const PLAIN: Lane = {
  admitted: undefined,
  queue: () => undefined,
  request: (_broker, _batches, attempt) => attempt(),
  answered: () => undefined,
  end: () => undefined,
}

export const plainSequencer: Sequencer = { lane: () => PLAIN }

/** Something others may wait for. Mostly nobody does, so there is a promise only when somebody asks for it. */
export class Turn {
  #done: Promise<void> | undefined
  #resolve: (() => void) | undefined

  get done(): Promise<void> {
    this.#done ??= new Promise<void>((resolve) => {
      this.#resolve = resolve
    })
    return this.#done
  }

  /** Called once. Whoever wants to wait after this must know better. */
  end(): void {
    this.#resolve?.()
  }
}
