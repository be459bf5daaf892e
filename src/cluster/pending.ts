/** What is armed, in words: for deadlock reports and the line about standing time. */
import { durationText } from './duration.ts'
import { groupViews } from './group-view.ts'
import { stuckReaderLines } from './stuck-readers.ts'
import type { Task, World } from './world.ts'

/** The next timers, soonest first. */
export function describeNext(world: World, most: number): string[] {
  return [...world.queue.heap]
    .sort((a, b) => a.time - b.time || a.sequence - b.sequence)
    .slice(0, most)
    .map((event) => `${describeTask(event.payload)} in ${durationText(event.time - world.now)}`)
}

/** Handlers of user code that are under way. */
export function describeHandlers(world: World): string[] {
  const out: string[] = []
  for (const process of world.owners) {
    if (process.state !== 'running') continue
    for (const [group, { handlers, topic, partition, offset }] of process.busy) {
      if (handlers > 0) out.push(`the handler of group ${group} for ${topic}-${partition} offset ${offset}`)
    }
  }
  return out
}

/** How far the groups are, as lines of an error: what a wait mostly waits for. */
export function describeGroups(world: World): string {
  const lines = groupViews(world).map(({ id, state, members, offsets }) => {
    const owned = members.flatMap(({ assignment }) => assignment.map(({ topic, partition }) => `${topic}-${partition}`))
    const reads = owned.length === 0 ? 'no partition assigned' : `reads ${owned.join(', ')}`
    const lag =
      offsets.length === 0 ? 'nothing committed' : `lag ${offsets.reduce((sum, { lag }) => sum + (lag ?? 0), 0)}`
    return `  group ${id}: ${state}, ${members.length} member(s), ${reads}, ${lag}\n`
  })
  return lines.join('')
}

/** Who waits behind transactions, running handlers and next timers, as lines of an error. */
export function describeWaiting(world: World): string {
  const handlers = describeHandlers(world)
  const running = handlers.length === 0 ? '' : `  still running: ${handlers.join(', ')}\n`
  return `${stuckReaderLines(world)}${running}  next timers: ${describeNext(world, 5).join('; ') || 'none'}\n`
}

function describeTask(task: Task): string {
  switch (task.type) {
    case 'request':
      return `${task.request.api} of ${task.connection.clientId} reaches broker ${task.connection.node.id}`
    case 'response':
      return `an answer reaches ${task.connection.clientId}`
    case 'connected':
      return `${task.connection.clientId} connects to broker ${task.connection.node.id}`
    case 'reset':
      return `${task.connection.clientId} loses its connection to broker ${task.connection.node.id}`
    case 'to-controller':
    case 'from-controller':
      return `broker ${task.node} and the controller talk`
    case 'metadata':
      return `metadata reaches broker ${task.node}`
    case 'peer':
      return `broker ${task.to} hears from ${task.from === 'controller' ? 'the controller' : `broker ${task.from}`}`
    case 'alter-partition':
      return `broker ${task.from} proposes an ISR`
    case 'allocate-producer-ids':
      return `broker ${task.from} asks for producer ids`
    case 'fence':
      return `the controller fences broker ${task.node}`
    case 'heartbeat':
      return `the controller hears of broker ${task.node} again`
    case 'controller-elected':
      return 'another controller takes over'
    case 'ask-to-stop':
      return `broker ${task.node} asks whether it may stop`
    case 'may-stop':
      return `broker ${task.node} is told that it may stop`
    case 'halt':
      return `broker ${task.node} ends itself`
    case 'rebalance-leaders':
      return 'the controller looks at the balance of leaders'
    case 'client-timer':
    case 'control':
      return task.label
    case 'broker-timer':
      switch (task.timer.type) {
        case 'produce':
          return 'a produce with acks=all gives up'
        case 'replica-wait':
          return `broker ${task.timer.follower} is told the high watermark`
        case 'isr-check':
          return `broker ${task.node} looks for replicas that lag`
        case 'load':
          return `broker ${task.node} has read what its groups wrote`
        case 'transaction-write':
          return 'a transaction coordinator gives up on a write'
        case 'txn-load':
          return `broker ${task.node} has read what its transactions wrote`
        case 'txn-markers':
          return `broker ${task.node} looks for markers that are not written`
        case 'txn-timeout':
          return `broker ${task.node} looks for transactions that take too long`
        case 'txn-expiry':
          return 'transactional ids that nobody uses expire'
        case 'verification':
          return `broker ${task.node} waits no longer for what a transaction coordinator says`
        case 'commit':
          return 'a coordinator gives up on a write'
        case 'group-expiry':
          return 'committed offsets that nobody needs expire'
        case 'delete-records':
          return 'a DeleteRecords gives up'
        case 'retention':
          return `broker ${task.node} looks for old segments`
        case 'cleaner':
          return `broker ${task.node} compacts its logs`
        case 'producers':
          return `broker ${task.node} forgets producers that are silent`
        case 'fetch':
          return 'a long poll ends'
        case 'session':
          return `the session of ${task.timer.memberId} in group ${task.timer.groupId} ends`
        case 'join':
        case 'initial-join':
          return `the rebalance of group ${task.timer.groupId} stops waiting`
        case 'member-rebalance':
          return `group ${task.timer.groupId} stops waiting for ${task.timer.memberId} to give up its partitions`
        case 'member-join':
        case 'member-sync':
          return `group ${task.timer.groupId} stops waiting for ${task.timer.memberId}`
        case 'sync':
          return `group ${task.timer.groupId} stops waiting for SyncGroup`
      }
  }
}
