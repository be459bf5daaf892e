#!/usr/bin/env node
/** The start file: as small as possible, so that the first frame comes soon. */
import { main } from './main.ts'

process.exitCode = await main(process.argv.slice(2), process)
