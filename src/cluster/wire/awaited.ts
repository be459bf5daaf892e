/**
 * What a program on virtual time (`controlTime`) waits for, as far as its requests tell. Nobody sees its calls, but who asks a
 * broker something waits for the answer, and time moves until it is there. Two kinds of request are no sign of waiting: a member's
 * heartbeat, and the long poll of a reader that has read everything.
 */
import type { ApiName, FetchRequest, RequestOf } from '../../protocol/messages.ts'
import type { ClientConnection } from '../connection.ts'
import { armClientTimer, cancelTimer, type OpenCall, type World } from '../world.ts'

/** Call what it answers when the request is over. */
export function awaitAnswer<A extends ApiName>(
  world: World,
  connection: ClientConnection,
  api: A,
  body: RequestOf<A>,
): () => void {
  // A damaged request may say anything: one that wants to wait less than nothing does not wait.
  if (api === 'Fetch') return longPoll(world, connection, Math.max((body as FetchRequest).maxWaitMs, 0))
  const { process } = connection
  const call: OpenCall = {
    label: `${connection.clientId}: ${api} to broker ${connection.node.id}`,
    process,
    since: world.now,
    deadline: world.now + world.deadlineMs,
    waitsForUser: false,
    onDeadline: null,
  }
  world.calls.add(call)
  process.calls.add(call)
  return () => {
    world.calls.delete(call)
    process.calls.delete(call)
    if (api !== 'Heartbeat' && api !== 'ConsumerGroupHeartbeat') world.lastProgress = world.now
  }
}

/**
 * kafkajs looks up only between two fetches: whether it is to stop, to rebalance, to seek. So long polls run out for a while after
 * the last progress, well within a session; after that an idle reader merely ticks. One that brings something is progress.
 */
const IDLE_POLLS_MS = 15_000

function longPoll(world: World, connection: ClientConnection, maxWaitMs: number): () => void {
  const end = world.now + maxWaitMs
  const since = Math.max(world.lastProgress, world.programWent)
  if (end > since + IDLE_POLLS_MS) return () => {}
  const label = `a long poll of ${connection.clientId} runs out`
  // Behind the broker's own timer and the answer's way back.
  const timer = armClientTimer(world, connection.process, maxWaitMs + 1000, 'work', label, () => {})
  return () => {
    cancelTimer(world, timer)
    if (world.now < end) world.lastProgress = world.now
  }
}
