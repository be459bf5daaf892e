/** All wrong variants, in the order of the table in docs/testing.md. */
import { ANSWER_MUTANTS } from './answers.ts'
import { CONTROLLER_MUTANTS } from './controller.ts'
import { GROUP_MUTANTS } from './groups.ts'
import { LOG_MUTANTS } from './log.ts'
import type { Mutant } from './mutant.ts'
import { PRODUCER_MUTANTS } from './producers.ts'
import { REPLICATION_MUTANTS } from './replication.ts'
import { TRANSACTION_COORDINATOR_MUTANTS } from './transactions-coordinator.ts'
import { TRANSACTION_LOG_MUTANTS } from './transactions-log.ts'
import { TRANSACTION_VERIFICATION_MUTANTS } from './transactions-verification.ts'
import { WORLD_MUTANTS } from './world.ts'

export const MUTANTS: readonly Mutant[] = [
  ...REPLICATION_MUTANTS,
  ...ANSWER_MUTANTS,
  ...CONTROLLER_MUTANTS,
  ...LOG_MUTANTS,
  ...PRODUCER_MUTANTS,
  ...TRANSACTION_LOG_MUTANTS,
  ...TRANSACTION_COORDINATOR_MUTANTS,
  ...TRANSACTION_VERIFICATION_MUTANTS,
  ...WORLD_MUTANTS,
  ...GROUP_MUTANTS,
]
