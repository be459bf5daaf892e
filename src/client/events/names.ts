/** Event names of the three clients; the order of the keys shows in the error for a wrong name. */

const networkEvents = <Owner extends string>(owner: Owner) =>
  ({
    REQUEST: `${owner}.network.request`,
    REQUEST_TIMEOUT: `${owner}.network.request_timeout`,
    REQUEST_QUEUE_SIZE: `${owner}.network.request_queue_size`,
  }) as const

export const producerEvents = {
  CONNECT: 'producer.connect',
  DISCONNECT: 'producer.disconnect',
  ...networkEvents('producer'),
} as const

export const adminEvents = {
  CONNECT: 'admin.connect',
  DISCONNECT: 'admin.disconnect',
  ...networkEvents('admin'),
} as const

export const consumerEvents = {
  HEARTBEAT: 'consumer.heartbeat',
  COMMIT_OFFSETS: 'consumer.commit_offsets',
  GROUP_JOIN: 'consumer.group_join',
  FETCH: 'consumer.fetch',
  FETCH_START: 'consumer.fetch_start',
  START_BATCH_PROCESS: 'consumer.start_batch_process',
  END_BATCH_PROCESS: 'consumer.end_batch_process',
  CONNECT: 'consumer.connect',
  DISCONNECT: 'consumer.disconnect',
  STOP: 'consumer.stop',
  CRASH: 'consumer.crash',
  REBALANCING: 'consumer.rebalancing',
  RECEIVED_UNSUBSCRIBED_TOPICS: 'consumer.received_unsubscribed_topics',
  ...networkEvents('consumer'),
} as const

export type NetworkEventNames = ReturnType<typeof networkEvents<string>>
