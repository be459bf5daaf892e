/** Answers that name brokers, with the addresses at which the asking client reaches them (advertised.listeners). */
import type { ApiName, ResponseOf } from '../../protocol/messages.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

/** By broker id. */
export type Addresses = ReadonlyMap<number, Address>

/** The answer, a changed copy where it names brokers; null leaves all as they are. */
export function advertise<A extends ApiName>(
  api: A,
  answer: ResponseOf<A>,
  addresses: Addresses | null,
): ResponseOf<A> {
  if (addresses === null) return answer
  const change = CHANGES[api] as ((answer: ResponseOf<A>, at: Addresses) => ResponseOf<A>) | undefined
  return change === undefined ? answer : change(answer, addresses)
}

type Change<A extends ApiName> = (answer: ResponseOf<A>, addresses: Addresses) => ResponseOf<A>

const CHANGES: { readonly [A in ApiName]?: Change<A> } = {
  Metadata: (answer, at) => ({ ...answer, brokers: answer.brokers.map((broker) => moved(broker, broker.nodeId, at)) }),
  FindCoordinator: (answer, at) => ({
    ...moved(answer, answer.nodeId, at),
    coordinators: answer.coordinators.map((coordinator) => moved(coordinator, coordinator.nodeId, at)),
  }),
  DescribeCluster: (answer, at) => ({
    ...answer,
    brokers: answer.brokers.map((broker) => moved(broker, broker.brokerId, at)),
  }),
  Produce: (answer, at) => withEndpoints(answer, at),
  Fetch: (answer, at) => withEndpoints(answer, at),
}

function moved<T extends Address>(named: T, id: number, addresses: Addresses): T {
  const address = addresses.get(id)
  return address === undefined ? named : { ...named, host: address.host, port: address.port }
}

/** KIP-951. */
function withEndpoints<T extends { readonly nodeEndpoints: readonly (Address & { readonly nodeId: number })[] }>(
  answer: T,
  addresses: Addresses,
): T {
  if (answer.nodeEndpoints.length === 0) return answer
  return { ...answer, nodeEndpoints: answer.nodeEndpoints.map((node) => moved(node, node.nodeId, addresses)) }
}
