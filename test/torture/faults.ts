import { setTimeout as sleep } from 'node:timers/promises'
import type { Controlled } from '../support/controlled.ts'
import type { Link } from '../support/link.ts'
import type { RestartableBroker } from './broker.ts'
import type { Checker } from './checker.ts'
import type { Dataflow } from './dataflow.ts'
import { type Action, edges, type inner, type Kind, type Target, type Wire } from './schedule.ts'

interface World {
  dataflow: Dataflow
  controlled: Controlled
  broker: RestartableBroker
  link: Link
  checker: Checker
}

type Inner = (typeof inner)[number]

/** Does to the dataflow what the schedule says. */
export class Faults {
  readonly counts: Partial<Record<Kind, number>> = {}
  /** What could not be done, for people: not the fault of what is tested. */
  readonly failures: string[] = []
  #world: World
  #underway = new Set<Promise<void>>()
  /** Of a kind that can't happen twice at once: the last one. */
  #turns = new Map<Kind, Promise<void>>()
  #stopped = new Set<number>()
  /** The revision that was pushed last. */
  commit: string | undefined

  constructor(world: World) {
    this.#world = world
  }

  /** Starts it, and doesn't wait for its end. */
  begin(action: Action): void {
    const { kind } = action
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
    const before = exclusive.includes(kind) ? (this.#turns.get(kind) ?? Promise.resolve()) : Promise.resolve()
    const doing = before
      .then(() => this.#do(action))
      .catch((error: Error) => void this.failures.push(`${kind}: ${error.message}`))
      .finally(() => this.#underway.delete(doing))
    this.#turns.set(kind, doing)
    this.#underway.add(doing)
  }

  /** Once all faults are over, and all is mended that they broke. */
  async over(): Promise<void> {
    while (this.#underway.size > 0) await Promise.all(this.#underway)
    for (const pid of this.#stopped) send(pid, 'SIGCONT')
  }

  async #do(action: Action): Promise<void> {
    const { broker, link } = this.#world
    switch (action.kind) {
      case 'kill':
        return this.#disturbing(action.targets.some(isEdge), async () => {
          for (let time = 1; ; time++) {
            for (const target of action.targets) this.#signal(target, action.pick + time, 'SIGKILL')
            if (time === action.times) return
            await sleep(action.gapMs)
          }
        })
      case 'stop':
        return this.#disturbing(isEdge(action.target), async () => {
          const pid = this.#signal(action.target, action.pick, 'SIGSTOP')
          if (pid === undefined) return
          this.#stopped.add(pid)
          await sleep(action.ms)
          send(pid, 'SIGCONT')
          this.#stopped.delete(pid)
        })
      case 'move':
        return this.#push(flow => {
          flow[action.target as Inner].zone = action.zone
        })
      case 'scale':
        return this.#push(flow => {
          flow[action.target as Inner].min = action.min
        })
      case 'update':
        return this.#push((flow, all) => {
          if (action.what === 'shared') return all.shared()
          const settings = flow[action.target as Inner]
          if (action.what === 'code') settings.version += 1
          if (action.what === 'env') settings.env += 1
          if (action.what === 'concurrency') settings.concurrency = 1 + (settings.concurrency % 4)
        })
      case 'broken':
        await this.#push(flow => {
          const settings = flow[action.target as Inner]
          settings.version += 1
          settings.fault = action.how
        })
        await sleep(action.ms)
        return this.#push(flow => {
          flow[action.target as Inner].fault = 'none'
        })
      case 'repartition':
        return this.#push(flow => {
          flow[action.target as Inner].partitions = action.max
        })
      case 'rewire':
        return this.#push((_, all) => all.spy())
      case 'broker':
        return this.#disturbing(true, () => broker.restart(action.ms))
      case 'cut':
        return this.#disturbing(action.target === null || isEdge(action.target), async () => {
          link.cut(connectionsOf(action.target, action.wire))
          await sleep(action.ms)
          link.mend()
        })
      case 'flap':
        return this.#disturbing(isEdge(action.target), async () => {
          link.delay(action.delayMs)
          for (let time = 0; time < action.times; time++) {
            link.sever(connectionsOf(action.target, 'sessions'))
            await sleep(action.gapMs)
          }
          link.delay(0)
        })
      case 'freeze':
        return this.#disturbing(isEdge(action.target), async () => {
          link.freeze(connectionsOf(action.target, action.wire))
          await sleep(action.ms)
          link.thaw()
        })
      case 'delay':
        link.delay(action.delayMs)
        await sleep(action.ms)
        return link.delay(0)
      case 'controller':
        await this.#world.controlled.kill()
        await sleep(action.ms)
        return this.#startController()
    }
  }

  /** What reaches the edges of the graph may bring records again there: the checker is told when. */
  async #disturbing(reachesEdges: boolean, work: () => Promise<void>): Promise<void> {
    if (!reachesEdges) return work()
    const settled = this.#world.checker.disturbEdges()
    await work().finally(settled)
  }

  async #push(edit: Parameters<Dataflow['change']>[0]): Promise<void> {
    this.commit = await this.#world.dataflow.change(edit)
  }

  /** One that starts while the broker is down may end: it is started again, as a service would be. */
  async #startController(): Promise<void> {
    const { controlled } = this.#world
    for (const end = Date.now() + 30_000; ; ) {
      try {
        return await controlled.start()
      } catch (error) {
        if (Date.now() > end) throw error
        await sleep(100)
      }
    }
  }

  /** Looks at the processes themselves: the controller may be away. @returns the pid, if there is one to signal */
  #signal(target: Target, pick: number, signal: NodeJS.Signals): number | undefined {
    const { controlled } = this.#world
    const hosts = controlled.processes().filter(({ id }) => id.startsWith(`${target}-`))
    const host = hosts.toSorted((a, b) => (a.id < b.id ? -1 : 1))[pick % hosts.length]
    if (!host) return undefined
    send(host.pid, signal)
    return host.pid
  }
}

const exclusive: readonly Kind[] = ['broker', 'cut', 'freeze', 'delay', 'controller']

const isEdge = (target: Target) => (edges as readonly Target[]).includes(target)

const connectionsOf = (target: Target | null, wire: Wire) => (id: string) => {
  if (target !== null && !id.startsWith(`dyninka_torture_${target}_`)) return false
  return wire === 'all' || id.includes('_host_') === (wire === 'control')
}

function send(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(pid, signal)
  } catch {} // it has ended meanwhile
}
