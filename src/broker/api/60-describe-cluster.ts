/**
 * DescribeCluster (key 60). KafkaApis.handleDescribeCluster, AuthHelper.computeDescribeClusterResponse (KIP-700).
 *
 * - The brokers in service; from v2 on request the fenced ones too, marked as such (KIP-1073).
 * - In KRaft `controllerId` names any broker that is up: requests to the controller are forwarded.
 * - v1+ names the kind of endpoint (KIP-919): this is a broker's, so controllers are MISMATCHED_ENDPOINT_TYPE and anything else
 *   UNSUPPORTED_ENDPOINT_TYPE.
 * - Without an authorizer everybody may do everything, and that is what `clusterAuthorizedOperations` says when asked for.
 */
import { ErrorCode } from '../../protocol/errors.ts'
import { makeDescribeClusterBroker, makeDescribeClusterResponse } from '../../protocol/make.ts'
import { CLUSTER_ID } from './03-metadata.ts'
import { defineApi } from './handler.ts'

/** EndpointType.java. */
const BROKERS = 1
const CONTROLLERS = 2

/** One bit an operation on a cluster (AclEntry.supportedOperations, AclOperation codes). */
const ALL_CLUSTER_OPERATIONS = [
  5 /* create */, 7 /* alter */, 8 /* describe */, 9 /* cluster action */, 10 /* describe configs */,
  11 /* alter configs */, 12 /* idempotent write */,
].reduce((bits, code) => bits | (1 << code), 0)

export const describeCluster = defineApi({
  api: 'DescribeCluster',
  minVersion: 0,
  maxVersion: 2,
  handle(state, request, _ctx, out) {
    const { body, apiVersion } = request
    const endpointType = apiVersion >= 1 ? body.endpointType : BROKERS
    if (endpointType !== BROKERS) {
      const mismatched = endpointType === CONTROLLERS
      out.replies.push({
        token: request,
        body: makeDescribeClusterResponse({
          errorCode: mismatched ? ErrorCode.MISMATCHED_ENDPOINT_TYPE : ErrorCode.UNSUPPORTED_ENDPOINT_TYPE,
          errorMessage: mismatched
            ? 'This is the endpoint of a broker, not of a controller.'
            : `There is no endpoint type ${endpointType}.`,
        }),
      })
      return
    }
    const all = [...state.image.brokers.values()]
    const alive = all.filter(({ fenced }) => !fenced)
    const shown = apiVersion >= 2 && body.includeFencedBrokers ? all : alive
    out.replies.push({
      token: request,
      body: makeDescribeClusterResponse({
        clusterId: CLUSTER_ID,
        controllerId: alive[0]?.id ?? -1,
        brokers: shown.map(({ id, host, port, rack, fenced }) =>
          makeDescribeClusterBroker({ brokerId: id, host, port, rack, isFenced: fenced }),
        ),
        ...(body.includeClusterAuthorizedOperations ? { clusterAuthorizedOperations: ALL_CLUSTER_OPERATIONS } : {}),
      }),
    })
  },
})
