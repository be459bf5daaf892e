/**
 * A broker hands out producer ids from blocks that the controller gives it (RPCProducerIdManager, ProducerIdsBlock; KIP-730). The
 * next block is asked for before the present one is used up. What is left of a block is lost with the broker.
 */
import { ErrorCode } from '../protocol/errors.ts'
import type { ProducerIdsAllocated } from './replication/messages.ts'

interface Block {
  readonly first: number
  readonly count: number
}

/** Never changed in place. */
export interface ProducerIds {
  readonly block: Block
  /** The id that is given next, if it is still in the block. */
  readonly next: number
  readonly nextBlock: Block | null
  /** The controller has been asked and has not answered. */
  readonly asking: boolean
  /** It is not asked again before this time. */
  readonly notBefore: number
}

export const NO_PRODUCER_IDS: ProducerIds = {
  block: { first: 0, count: 0 },
  next: 0,
  nextBlock: null,
  asking: false,
  notBefore: 0,
}

/** ProducerIdManager.PidPrefetchThreshold. */
const PREFETCH_AT = 0.9
/** ProducerIdManager.RetryBackoffMs. */
const RETRY_BACKOFF_MS = 50

export interface Claim {
  /** Null = there is none now: COORDINATOR_LOAD_IN_PROGRESS, which clients retry. */
  readonly id: number | null
  readonly ids: ProducerIds
  /** The controller is to be asked for a block. */
  readonly asks: boolean
}

export function claimProducerId(ids: ProducerIds, now: number): Claim {
  const { nextBlock } = ids
  if (ids.next >= ids.block.first + ids.block.count) {
    if (nextBlock === null) return asked({ id: null, ids, asks: false }, now)
    return claimProducerId({ ...ids, block: nextBlock, next: nextBlock.first, nextBlock: null }, now)
  }
  const claim: Claim = { id: ids.next, ids: { ...ids, next: ids.next + 1 }, asks: false }
  return ids.next === ids.block.first + Math.floor(ids.block.count * PREFETCH_AT) ? asked(claim, now) : claim
}

function asked(claim: Claim, now: number): Claim {
  const { ids } = claim
  if (ids.asking || ids.nextBlock !== null || now < ids.notBefore) return claim
  return { ...claim, ids: { ...ids, asking: true }, asks: true }
}

/** The controller has answered. */
export function gotProducerIds(
  ids: ProducerIds,
  { errorCode, first, count }: ProducerIdsAllocated,
  now: number,
): ProducerIds {
  return errorCode === ErrorCode.NONE
    ? { ...ids, asking: false, nextBlock: { first, count } }
    : { ...ids, asking: false, notBefore: now + RETRY_BACKOFF_MS }
}
