import { setTimeout as sleep } from 'node:timers/promises'
import type { Controlled } from '../support/controlled.ts'
import type { Link } from '../support/link.ts'
import type { RestartableBroker } from './broker.ts'
import type { Checker } from './checker.ts'
import type { Dataflow } from './dataflow.ts'
import { Doings } from './doings.ts'
import { pushed } from './pushed.ts'
import { type Action, isEdge, type Kind, type Target, type Wire } from './schedule.ts'

interface World {
  dataflow: Dataflow
  controlled: Controlled
  /** The dataflow's own, and those of zones. */
  brokers: RestartableBroker[]
  /** To each of them. */
  links: Link[]
  checker: Checker
}

/** Does to the dataflow what the schedule says. */
export class Faults {
  readonly doings = new Doings(kind => turns[kind] ?? [])
  #world: World
  #stopped = new Set<number>()
  /** The revision that was pushed last. */
  commit: string | undefined

  constructor(world: World) {
    this.#world = world
  }

  /** Starts it, and doesn't wait for its end. */
  begin(action: Action): void {
    this.doings.begin(action.kind, () => this.#do(action))
  }

  /** Once all faults are over, and all is mended that they broke. */
  async over(): Promise<void> {
    await this.doings.over()
    for (const pid of this.#stopped) send(pid, 'SIGCONT')
  }

  async #do(action: Action): Promise<void> {
    const { brokers } = this.#world
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
      case 'scale':
      case 'update':
      case 'broken':
      case 'stall':
      case 'repartition':
      case 'rewire':
        for await (const commit of pushed(this.#world.dataflow, action)) this.commit = commit
        return
      case 'broker':
        return this.#disturbing(true, () => chosen(brokers, action.ms).restart(action.ms))
      case 'cut':
        return this.#disturbing(action.target === null || isEdge(action.target), async () => {
          const links = this.#links(action.ms)
          for (const link of links) link.cut(connectionsOf(action.target, action.wire))
          await sleep(action.ms)
          for (const link of links) link.mend()
        })
      case 'flap':
        return this.#disturbing(isEdge(action.target), async () => {
          const links = this.#links(action.gapMs)
          for (const link of links) link.delay(action.delayMs)
          for (let time = 0; time < action.times; time++) {
            for (const link of links) link.sever(connectionsOf(action.target, 'sessions'))
            await sleep(action.gapMs)
          }
          for (const link of links) link.delay(0)
        })
      case 'freeze':
        return this.#disturbing(isEdge(action.target), async () => {
          const links = this.#links(action.ms)
          for (const link of links) link.freeze(connectionsOf(action.target, action.wire))
          await sleep(action.ms)
          for (const link of links) link.thaw()
        })
      case 'delay': {
        const links = this.#links(action.ms)
        for (const link of links) link.delay(action.delayMs)
        await sleep(action.ms)
        for (const link of links) link.delay(0)
        return
      }
      case 'controller':
        await this.#world.controlled.kill()
        await sleep(action.ms)
        return this.#startController()
      case 'blackout':
        return this.#disturbing(true, async () => {
          await Promise.all(brokers.map(broker => broker.restart(action.ms, () => this.#killAll())))
          await this.#startController()
        })
      default:
        throw new Error('only pods know it')
    }
  }

  /** To one broker, or to all. */
  #links(draw: number): Link[] {
    const { links } = this.#world
    const index = draw % (links.length + 1)
    return index === links.length ? links : [links[index]!]
  }

  /** What reaches the edges of the graph may bring records again there: the checker is told when. */
  async #disturbing(reachesEdges: boolean, work: () => Promise<void>): Promise<void> {
    if (!reachesEdges) return work()
    const settled = this.#world.checker.disturbEdges()
    await work().finally(settled)
  }

  async #killAll(): Promise<void> {
    await this.#world.controlled.kill()
    for (const { pid } of this.#world.controlled.processes()) send(pid, 'SIGKILL')
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

const chosen = <T>(all: T[], draw: number): T => all[draw % all.length]!

const turns: Partial<Record<Kind, readonly Kind[]>> = {
  broker: ['broker'],
  cut: ['cut'],
  freeze: ['freeze'],
  delay: ['delay'],
  controller: ['controller'],
  blackout: ['broker', 'controller'],
}

const connectionsOf = (target: Target | null, wire: Wire) => (id: string) => {
  if (target !== null && !id.startsWith(`dyninka_torture_${target}_`)) return false
  if (wire === 'outside') return /_in$|_out_/.test(id)
  return wire === 'all' || id.includes('_host_') === (wire === 'control')
}

function send(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(pid, signal)
  } catch {} // it has ended meanwhile
}
