/** Faults in words, for reports. */
import type { Fault } from './fault.ts'

/** `crash 1`, `cut 1–2 one way` */
export function describeFault(fault: Fault): string {
  const { type } = fault
  if (type === 'crash')
    return `crash ${fault.node}${(fault.unflushed ?? 'kept') === 'kept' ? '' : `, unflushed: ${fault.unflushed}`}`
  if (type === 'cut' || type === 'slow') {
    const arrow = fault.oneWay === true ? '→' : '↔'
    return `${type} ${fault.from}${arrow}${fault.to}${type === 'slow' ? ` by ${fault.ms} ms` : ''}`
  }
  if (type === 'heal') return fault.from === undefined ? 'heal all links' : `heal ${fault.from}↔${fault.to}`
  if (type === 'move-leader') return `move the leader of ${fault.topic}-${fault.partition} to ${fault.to}`
  if (type === 'isolate') return `isolate ${fault.node}${fault.clients === true ? ', also from clients' : ''}`
  return 'node' in fault ? `${type} ${fault.node}` : type
}
