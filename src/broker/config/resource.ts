/** What configuration belongs to, and who may be asked about it. */
import { ErrorCode } from '../../protocol/errors.ts'

/** ConfigResource.Type. */
export const ResourceType = { TOPIC: 2, BROKER: 4, BROKER_LOGGER: 8, CLIENT_METRICS: 16, GROUP: 32 } as const

export interface ConfigRefusal {
  readonly errorCode: number
  readonly message: string | null
}

/** A broker speaks for itself only (ConfigAdminManager.validateResourceNameIsCurrentNodeId). */
export function wrongBroker(name: string, id: number): ConfigRefusal | null {
  if (!/^[-+]?\d+$/.test(name)) {
    return { errorCode: ErrorCode.INVALID_REQUEST, message: `Broker id must be a whole number, but it is "${name}".` }
  }
  if (Number(name) === id) return null
  return { errorCode: ErrorCode.INVALID_REQUEST, message: `This is broker ${id}, but the request is about ${name}.` }
}
