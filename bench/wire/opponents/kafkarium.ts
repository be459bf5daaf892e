/** `kafkarium serve`, in a process of its own. */
import { type Started, startServer } from '../process.ts'
import type { Broker, Opponent } from './opponent.ts'

export const kafkarium: Opponent = {
  name: 'kafkarium',
  async start(): Promise<Broker> {
    const server = await serve()
    return { ...server, bootstrap: JSON.parse(server.line).brokers.join(',') }
  },
}

export function serve(): Promise<Started> {
  return startServer(process.execPath, ['dist/cli/kafkarium.js', 'serve', '--port', '0', '--json'], /"ready"/)
}
