/** The 31 error classes of the kafkajs API, and kafkarium's own. */
export { KafkaJSError, KafkaJSNonRetriableError } from './base.ts'
export {
  KafkaJSAlterPartitionReassignmentsError,
  KafkaJSCreateTopicError,
  KafkaJSDeleteGroupsError,
  KafkaJSDeleteTopicRecordsError,
  KafkaJSMemberIdRequired,
  KafkaJSOffsetOutOfRange,
  KafkaJSProtocolError,
} from './broker-errors.ts'
export {
  KafkaJSAggregateError,
  KafkaJSFetcherRebalanceError,
  KafkaJSGroupCoordinatorNotFound,
  KafkaJSInvariantViolation,
  KafkaJSLockTimeout,
  KafkaJSMetadataNotLoaded,
  KafkaJSNotImplemented,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSStaleTopicMetadataAssignment,
  KafkaJSTimeout,
  KafkaJSTopicMetadataNotLoaded,
} from './general.ts'
export {
  KafkaJSBrokerNotFound,
  KafkaJSConnectionClosedError,
  KafkaJSConnectionError,
  KafkaJSInvalidLongError,
  KafkaJSInvalidVarIntError,
  KafkaJSNoBrokerAvailableError,
  KafkaJSPartialMessageError,
  KafkaJSRequestTimeoutError,
  KafkaJSSASLAuthenticationError,
  KafkaJSServerDoesNotSupportApiKey,
  KafkaJSUnsupportedMagicByteInMessageSet,
} from './network.ts'
