/** Options nobody knows: the cluster refuses them, and the client those of its calls that kafkajs does not have. */
import { didYouMean } from '../kernel/nearest.ts'
import { KafkariumError } from './kafkarium-error.ts'

export { nearest } from '../kernel/nearest.ts'

/**
 * @param what names the call in the error
 * @throws KafkariumError `KAFKARIUM_BAD_OPTION` for what is no object, and for a name that is not known; `undefined` is fine
 */
export function refuseUnknown(given: unknown, known: readonly string[], what: string): void {
  if (given === undefined) return
  const all = `Known: ${known.join(', ')}.`
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const shown = JSON.stringify(given) ?? String(given)
    throw new KafkariumError('KAFKARIUM_BAD_OPTION', `${what}: ${shown} is not an object of options. ${all}`)
  }
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    const hint = didYouMean(name, known)
    throw new KafkariumError('KAFKARIUM_BAD_OPTION', `${what}: unknown option "${name}".${hint} ${all}`)
  }
}
