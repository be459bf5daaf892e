#!/usr/bin/env node
/** The start file: as small as possible, so that the first frame comes soon. */
import nodeModule from 'node:module'

// What was compiled is kept between starts, where Node knows how to (from 22.8 on); before anything large is loaded.
const { enableCompileCache } = nodeModule as { enableCompileCache?: () => unknown }
enableCompileCache?.()
const { main } = await import('./main.ts')

process.exitCode = await main(process.argv.slice(2), process)
