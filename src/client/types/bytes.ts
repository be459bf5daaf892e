/**
 * What keys, values and header values are at run time: Node's `Buffer`, or a plain `Uint8Array` in a host without
 * one. Only the TYPE is named here; nothing under `src/client` uses the global.
 */
// biome-ignore lint/style/noRestrictedGlobals: a type only.
export type Bytes = Buffer
