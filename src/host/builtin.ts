/**
 * Node's own modules, taken when they are needed. An import is paid by everybody at start, and twice: the module is loaded, and every
 * export of it is looked at, those that are made when somebody looks included (`process.stdin`, Web Crypto).
 */
import type { Buffer as BufferModule } from 'node:buffer'

type BufferClass = typeof BufferModule

export const builtin: typeof process.getBuiltinModule = (name: string) => process.getBuiltinModule(name)

/** Not the global one, which a test environment may have replaced. */
export const Buffer: BufferClass = builtin('node:buffer').Buffer
