/** Kafka looks every so often whether something is due. Here a timer is armed for the first look that finds something. */

/** The first look after `now` at or after `due`: looks happen at multiples of `every`. All in ms; Infinity = never. */
export function nextLook(due: number, every: number, now: number): number {
  return Math.max(Math.floor(now / every) + 1, Math.ceil(due / every)) * every
}
