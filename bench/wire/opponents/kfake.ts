/** franz-go's kfake, built with Go from the module proxy. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, CACHE, missing, startServer } from '../process.ts'
import type { Broker, Opponent } from './opponent.ts'

/** kfake has no releases: a version of it, and the client library it compiles with. */
const KFAKE = 'v0.0.0-20260918054303-01f206a7e32c'
const FRANZ_GO = 'v1.22.2'

const MAIN = `package main

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.Ports(0),
		kfake.AllowAutoTopicCreation(),
	)
	if err != nil {
		panic(err)
	}
	fmt.Println("ready " + cluster.ListenAddrs()[0])
	select {}
}
`

export const kfake: Opponent = {
  name: 'kfake',
  async start(): Promise<Broker> {
    const why = missing('go', ['version'])
    if (why !== null) throw new Error(why)
    const folder = join(CACHE, `kfake-${KFAKE}`)
    const program = join(folder, 'kfake')
    if (!existsSync(program)) {
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, 'go.mod'), 'module opponent\n\ngo 1.26\n')
      writeFileSync(join(folder, 'main.go'), MAIN)
      const modules = [`github.com/twmb/franz-go@${FRANZ_GO}`, `github.com/twmb/franz-go/pkg/kfake@${KFAKE}`]
      build('go', ['get', ...modules], folder)
      build('go', ['build', '-o', program, '.'], folder)
    }
    const server = await startServer(program, [], /^ready /)
    return { ...server, bootstrap: server.line.slice('ready '.length) }
  },
}
