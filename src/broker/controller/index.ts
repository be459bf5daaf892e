/**
 * The controller: owner of the metadata log. It answers forwarded requests, hears of brokers and leaders, and every change
 * is a record that brokers apply later.
 */
export * from './alter-partition.ts'
export * from './brokers.ts'
export * from './elections.ts'
export * from './producer-ids.ts'
export * from './state.ts'
export * from './step.ts'
