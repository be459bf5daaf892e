/** What a configuration allows: the reasons why a record may be lost although it was acknowledged. */
import type { SendOp } from '../kernel/index.ts'
import { place } from './finding.ts'
import type { PartitionHistory } from './history.ts'

/** Why an acknowledged record of this send may be gone from the log; null when nothing allows it. */
export function whyLossIsLegal(send: SendOp, partition: PartitionHistory): string | null {
  if (send.acks === 0) return 'acks=0: the producer did not wait for an answer, so nobody promised anything'
  if (send.acks === 1) {
    return 'acks=1: the leader alone had it when it was acknowledged; a leader that dies before the others copied it takes it along'
  }
  return whyCommittedLossIsLegal(partition)
}

/** The same of a record that was committed: in every in-sync replica. */
export function whyCommittedLossIsLegal({ end }: PartitionHistory): string | null {
  if (end.uncleanElections > 0) {
    return `an unclean election: a replica that was not in sync became leader of ${place(end.topic, end.partition)}, and what it lacked is gone`
  }
  if (end.lossyCrashes >= Math.max(end.minIsr, 1)) {
    const crashes = end.lossyCrashes === 1 ? 'a crash' : `${end.lossyCrashes} crashes`
    const copies = end.minIsr === 1 ? 'one copy was' : `${end.minIsr} copies were`
    return `${crashes} lost unflushed records, and with min.insync.replicas=${end.minIsr} ${copies} all there had to be`
  }
  if (end.compacted) return 'the topic is compacted: a later record with the same key may have taken its place'
  return null
}
