/** Apache Kafka itself: a node that is broker and controller, from Maven's jars. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { build, CACHE, missing, startServer } from '../process.ts'
import type { Broker, Opponent } from './opponent.ts'

const VERSION = '4.3.0'

const JARS = [
  ['org.apache.kafka', 'kafka_2.13', VERSION],
  ['org.apache.kafka', 'kafka-tools', VERSION],
  ['org.slf4j', 'slf4j-simple', '1.7.36'],
]

export const kafka: Opponent = {
  name: `Apache Kafka ${VERSION}`,
  async start(): Promise<Broker> {
    for (const command of ['java', 'mvn']) {
      const why = missing(command, ['-version'])
      if (why !== null) throw new Error(why)
    }
    const folder = join(CACHE, `kafka-${VERSION}`)
    const jars = join(folder, 'lib')
    if (!existsSync(jars)) download(folder, jars)
    const data = join(folder, `data-${process.pid}`)
    mkdirSync(data, { recursive: true })
    const [port, controller] = await freePorts()
    const properties = join(data, 'server.properties')
    writeFileSync(properties, serverProperties(data, port, controller))
    const run = (main: string) => ['-Dorg.slf4j.simpleLogger.defaultLogLevel=info', '-cp', `${jars}/*`, main]
    build('java', [...run('kafka.tools.StorageTool'), 'format', '-t', `${'A'.repeat(21)}Q`, '-c', properties], data)
    const server = await startServer('java', ['-Xmx1g', ...run('kafka.Kafka'), properties], /Kafka Server started/)
    return {
      pid: server.pid,
      bootstrap: `127.0.0.1:${port}`,
      stop: async () => {
        await server.stop()
        rmSync(data, { recursive: true, force: true })
      },
    }
  },
}

function download(folder: string, jars: string): void {
  mkdirSync(folder, { recursive: true })
  const dependencies = JARS.map(
    ([group, artifact, version]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  )
  writeFileSync(
    join(folder, 'pom.xml'),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>bench</groupId><artifactId>opponent</artifactId><version>1</version>
<dependencies>${dependencies.join('\n')}</dependencies></project>\n`,
  )
  try {
    build('mvn', ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`], folder)
  } catch (error) {
    // Half of the jars is not Kafka.
    rmSync(jars, { recursive: true, force: true })
    throw error
  }
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()]
  const ports: number[] = []
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ports.push((server.address() as { port: number }).port)
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve))
  return ports as [number, number]
}

function serverProperties(data: string, port: number, controller: number): string {
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${join(data, 'logs')}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
`
}
