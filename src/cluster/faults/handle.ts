/** Faults as a user calls them. */

import { remove } from '../../kernel/index.ts'
import { refuseUnknown } from '../../protocol/unknown-options.ts'
import { type Duration, milliseconds } from '../duration.ts'
import { KafkariumError } from '../errors.ts'
import type { LinkEnd } from '../links.ts'
import { arm, type World } from '../world.ts'
import { applyFault, type Fault, faultProblem, malformedFault } from './fault.ts'
import { describeProfile, drawProfile, type FaultProfile, type ProfileLimits, profileProblem } from './profile.ts'
import { describeStorm, type Storm, startStorm } from './storm.ts'
import { describeFault } from './text.ts'

export interface Faults {
  /**
   * A broker process dies; its log survives. Its clients lose their connections at once, the controller notices later.
   * `unflushed: 'lost'`: the machine dies with it, and what was not flushed to disk is gone; `'some'`: as much of it as the seed says.
   */
  crash(node: number, options?: { readonly unflushed?: 'kept' | 'some' | 'lost' }): void
  restart(node: number): void
  /** A controlled shutdown: others take over first, then it ends with everything written. `restart` brings it back. */
  stop(node: number): void
  /** Another in-sync replica leads the partition. */
  moveLeader(topic: string, partition: number, to: number): void
  /** It stands still, with all connections open, as in a long garbage collection; nobody is told. */
  pause(node: number): void
  resume(node: number): void
  /**
   * Cuts a link: what is sent over it arrives when it is healed. Ends are broker ids, `'controller'` or `'clients'`. A follower
   * that is cut off from its leader copies nothing; a broker that is cut off from the controller is fenced.
   */
  cut(a: LinkEnd, b: LinkEnd, options?: { readonly oneWay?: boolean }): void
  /** Messages over a link take this much longer. */
  slow(a: LinkEnd, b: LinkEnd, by: Duration, options?: { readonly oneWay?: boolean }): void
  /** Heals a cut or slow link, or all of them. */
  heal(a?: LinkEnd, b?: LinkEnd): void
  /** Cuts a broker off from the other brokers and the controller; its clients still reach it, unless `clients`. */
  isolate(node: number, options?: { readonly clients?: boolean }): void
  /** The next write of the broker fails, and the broker halts. */
  fillDisk(node: number): void
  freeDisk(node: number): void
  /** Resets a broker's client connections. */
  disconnect(node: number): void
  /** The active controller dies; another one takes over two seconds later. */
  crashController(): void
  /**
   * Faults at random, drawn from the seed, until `stop()` or `cluster.heal()`. Which kinds and how strong is drawn first, unless a
   * profile is given; `describe()` says it all. They come while virtual time passes, and do not move it. Needs a seed.
   */
  storm(profile?: FaultProfile | ProfileLimits): StormHandle
  /** Any of them as data. */
  inject(fault: Fault): void
  /** At a later virtual time, unless the cluster is healed first; what is impossible then does not happen, and a warning says so. */
  after(delay: Duration, fault: Fault): void
}

export interface FaultScope {
  world(): World
  readonly storms: Storms
  enter(what: string): void
  wake(): void
}

export interface StormHandle {
  readonly profile: FaultProfile
  readonly faults: Storm['faults']
  stop(): void
  /** The profile and every fault so far, a line each. */
  describe(): string
}

/** Storms under way and faults to come: healing ends them. */
export interface Storms {
  add(storm: Pick<Storm, 'stop'>): void
  stop(): void
}

export function createStorms(): Storms {
  const running = new Set<Pick<Storm, 'stop'>>()
  return {
    add: (storm) => running.add(storm),
    stop() {
      for (const storm of running) storm.stop()
      running.clear()
    },
  }
}

export function faultHandle({ world, storms, enter, wake }: FaultScope): Faults {
  const inject = (fault: Fault, what: string): void => {
    enter(what)
    const problem = faultProblem(world(), fault)
    if (problem !== null) throw new KafkariumError(problem.code, `${what}: ${problem.text}`)
    applyFault(world(), fault)
    wake()
  }
  /** The options of a call, without what would be a fault of another kind. */
  const only = <O extends object>(options: O | undefined, name: keyof O & string, what: string): O | undefined => {
    refuseUnknown(options, [name], what)
    return options
  }
  return {
    crash: (node, options) =>
      inject({ type: 'crash', node, ...only(options, 'unflushed', 'faults.crash') }, 'faults.crash'),
    restart: (node) => inject({ type: 'restart', node }, 'faults.restart'),
    stop: (node) => inject({ type: 'stop', node }, 'faults.stop'),
    moveLeader: (topic, partition, to) => inject({ type: 'move-leader', topic, partition, to }, 'faults.moveLeader'),
    pause: (node) => inject({ type: 'pause', node }, 'faults.pause'),
    resume: (node) => inject({ type: 'resume', node }, 'faults.resume'),
    cut: (from, to, options) =>
      inject({ type: 'cut', from, to, ...only(options, 'oneWay', 'faults.cut') }, 'faults.cut'),
    slow: (from, to, by, options) =>
      inject(
        { type: 'slow', from, to, ms: milliseconds(by, 'faults.slow: by'), ...only(options, 'oneWay', 'faults.slow') },
        'faults.slow',
      ),
    heal: (from, to) =>
      inject(
        { type: 'heal', ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) },
        'faults.heal',
      ),
    isolate: (node, options) =>
      inject({ type: 'isolate', node, ...only(options, 'clients', 'faults.isolate') }, 'faults.isolate'),
    fillDisk: (node) => inject({ type: 'fill-disk', node }, 'faults.fillDisk'),
    freeDisk: (node) => inject({ type: 'free-disk', node }, 'faults.freeDisk'),
    disconnect: (node) => inject({ type: 'disconnect', node }, 'faults.disconnect'),
    crashController: () => inject({ type: 'crash-controller' }, 'faults.crashController'),
    storm(given = {}) {
      enter('faults.storm')
      const here = world()
      if (!here.seeded) {
        throw new KafkariumError(
          'KAFKARIUM_WRONG_STATE',
          'faults.storm: without a seed every draw is the calm one. Write createCluster({ seed: 1, … }).',
        )
      }
      const problem = profileProblem(given)
      if (problem !== null) throw new KafkariumError('KAFKARIUM_BAD_OPTION', `faults.storm: ${problem}`)
      const profile = 'weights' in given ? given : drawProfile(here.chooser, given)
      const storm = startStorm(here, profile)
      const began = here.now
      storms.add(storm)
      return {
        profile,
        faults: storm.faults,
        stop: () => storm.stop(),
        describe: () => [describeProfile(profile), ...describeStorm(storm, began)].join('\n'),
      }
    },
    inject: (fault) => inject(fault, `faults.inject(${fault?.type ?? ''})`),
    after(delay, fault) {
      enter('faults.after')
      const delayMs = milliseconds(delay, 'faults.after: delay')
      const malformed = malformedFault(world(), fault)
      if (malformed !== null) throw new KafkariumError(malformed.code, `faults.after: ${malformed.text}`)
      const label = `the fault ${describeFault(fault)}`
      const event = arm(world(), delayMs, 'work', {
        type: 'control',
        label,
        run() {
          const problem = faultProblem(world(), fault)
          if (problem === null) applyFault(world(), fault)
          else world().host.warn(`[kafkarium] faults.after: ${describeFault(fault)} did not happen: ${problem.text}`)
        },
      })
      storms.add({ stop: () => remove(world().queue, event) })
      wake()
    },
  }
}
