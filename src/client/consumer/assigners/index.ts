/** The assigners a consumer may name in `partitionAssigners`. The first is kafkajs's and the default; the others are Java's. */
import { range } from './range.ts'
import { roundRobin } from './round-robin.ts'
import { cooperativeSticky, sticky } from './sticky.ts'

export const PartitionAssigners = { roundRobin, range, sticky, cooperativeSticky }
