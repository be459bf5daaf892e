/** What is armed, in words: for deadlock reports and the line about standing time. */
import { durationText } from './duration.ts'
import type { Task, World } from './world.ts'

/** The next timers, soonest first. */
export function describeNext(world: World, most: number): string[] {
  return [...world.queue.heap]
    .sort((a, b) => a.time - b.time || a.sequence - b.sequence)
    .slice(0, most)
    .map((event) => `${describeTask(event.payload)} in ${durationText(event.time - world.now)}`)
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
    case 'fence':
      return `the controller fences broker ${task.node}`
    case 'client-timer':
    case 'control':
      return task.label
    case 'broker-timer':
      switch (task.timer.type) {
        case 'fetch':
          return 'a long poll ends'
        case 'session':
          return `the session of ${task.timer.memberId} in group ${task.timer.groupId} ends`
        case 'join':
        case 'initial-join':
          return `the rebalance of group ${task.timer.groupId} stops waiting`
        case 'sync':
          return `group ${task.timer.groupId} stops waiting for SyncGroup`
      }
  }
}
