/** The only component: draws the lines of the state and hands keys to the store. */
import { Box, Text, useInput } from 'ink'
import { useSyncExternalStore } from 'react'
import type { State } from '../state.ts'
import type { Store } from '../store.ts'
import { type ColorLevel, paint } from './color.ts'
import { keysOf } from './keys.ts'
import type { Line } from './text.ts'

interface AppProps {
  readonly store: Store
  readonly view: (state: State) => readonly Line[]
  readonly colors: ColorLevel
}

export function App({ store, view, colors }: AppProps) {
  const state = useSyncExternalStore(store.subscribe, store.get)
  useInput((input, key) => {
    for (const name of keysOf(input, key)) store.send({ type: 'key', key: name })
  })
  return <Screen lines={view(state)} colors={colors} columns={state.size.columns} />
}

interface ScreenProps {
  readonly lines: readonly Line[]
  readonly colors: ColorLevel
  readonly columns: number
}

/** One text, one line a row; every line already has its exact width. */
function Screen({ lines, colors, columns }: ScreenProps) {
  return (
    <Box width={columns} flexDirection="column">
      <Text wrap="truncate">{lines.map((line) => paint(line, colors)).join('\n')}</Text>
    </Box>
  )
}
