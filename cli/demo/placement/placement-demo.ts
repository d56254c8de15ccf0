import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { startController } from '../../../controller/controller.ts'
import { markerIn } from '../../../controller/forge/marker.ts'
import type { Controller, ControllerEvent } from '../../../controller/options.ts'
import type { DataflowStatus } from '../../../controller/status.ts'
import { load } from '../../../schema/index.ts'
import { Problem } from '../../../schema/problem.ts'
import { pictureOf } from '../../graph/picture.ts'
import { text as drawing } from '../../graph/text.ts'
import { interruption } from '../../interrupt.ts'
import { Narration } from '../../narration.ts'
import { paint } from '../../paint.ts'
import { DemoForge } from '../forge/forge.ts'
import type { Pull } from '../forge/pull-requests.ts'
import { Screen } from '../screen.ts'
import { Workspace } from '../workspace.ts'
import { commandText, pace, pullText, realisedText, worldText } from './story.ts'
import { Traffic } from './traffic.ts'
import { brokerZone, links, nodes, placeBadly, zoneOf } from './world.ts'

interface Options {
  exitAfter?: number
  json?: true
  /** A person merges. */
  wait?: true
}

interface Told {
  pull?: Pull
  /** Zone of each function, source and sink, before and after the merge. */
  before?: Record<string, string>
  after?: Record<string, string>
  latencyMs: { before?: number; after?: number }
  realised?: string
}

const flowName = 'etl'
const outlet = 'weather/observations'
const readyWithinMs = 90_000
const readForMs = 8_000
/** Kept free at the end of `--exit-after`, for what is under way to arrive. */
const reserveMs = 4_000
const tallyMs = 500
/** Over which latency is looked at. */
const recentMs = 8_000

/** From telemetry to a pull request, its merge, a live move and what came of it, on this machine alone. */
export class PlacementDemo {
  readonly #dir: string
  readonly #options: Options
  readonly #screen: Screen
  readonly #started = performance.now()
  readonly #narration = new Narration()
  readonly #interrupted = interruption()
  readonly #end: AbortSignal
  #ready = Promise.withResolvers<void>()
  #revision = ''

  constructor(dir: string, options: Options) {
    this.#dir = dir
    this.#options = options
    this.#screen = new Screen(options.json ? process.stderr : process.stdout)
    const { exitAfter } = options
    this.#end =
      exitAfter === undefined
        ? this.#interrupted
        : AbortSignal.any([this.#interrupted, AbortSignal.timeout(Math.max(1, exitAfter - reserveMs))])
  }

  /** @returns the exit code */
  async run(): Promise<number> {
    this.#screen.say(`Making a repository, a forge and a working copy in ${this.#dir}`)
    const workspace = await Workspace.make(this.#dir, flowName, placeBadly)
    const { flow } = await load(workspace.copy, { types: false })
    this.#screen.say(`\n${drawing(pictureOf(flow!), 100)}\n\n${worldText()}\n`)
    const forge = await DemoForge.start(workspace.repository, `demo/${flowName}`)
    let controller: Controller | undefined
    let traffic: Traffic | undefined
    const told: Told = { latencyMs: {} }
    try {
      controller = await this.#start(workspace, forge)
      await this.#untilReady(readyWithinMs)
      if (!this.#end.aborted) {
        traffic = await Traffic.start(controller.brokerUrl, workspace.copy, outlet)
        await this.#tellStory(forge, controller, traffic, told)
        await this.#linger(traffic, workspace)
      }
      await traffic?.end(this.#interrupted.aborted)
    } finally {
      await this.#stop(forge, controller, workspace)
    }
    return this.#conclude(told, traffic)
  }

  #start(workspace: Workspace, forge: DemoForge): Promise<Controller> {
    return startController({
      repo: forge.repositoryUrl,
      branch: 'main',
      state: workspace.state,
      intervalMs: 1_000,
      nodes,
      links,
      brokerZone,
      windowMs: pace.windowMs,
      forge: { type: 'github', auth: { token: forge.token } },
      proposing: {
        labels: ['placement'],
        everyMs: pace.everyMs,
        settlingMs: pace.settlingMs,
        rules: { windows: pace.holding },
      },
      logger: pino({ level: 'silent' }),
      onEvent: event => this.#tell(event),
    })
  }

  async #tellStory(forge: DemoForge, controller: Controller, traffic: Traffic, told: Told): Promise<void> {
    const opened = new Promise<Pull>(done => forge.once('opened', done))
    const merged = new Promise<void>(done => forge.once('merged', () => done()))
    const show = setInterval(() => this.#tally(traffic), tallyMs)
    try {
      this.#step('Telemetry builds up: hosts tell what passes, and how far the broker is.')
      const pull = await this.#until(opened)
      if (!pull) return
      told.pull = pull
      const commented = forge.nextComment(pull)
      this.#step('A pull request, with proof:')
      this.#screen.say(`\n${pullText(pull, await forge.diffOf(pull), forge.pageOf(pull))}\n`)
      told.before = await zonesOf(controller)
      told.latencyMs.before = traffic.arrivals.latencyMs(recentMs)!
      this.#ready = Promise.withResolvers()
      if (!(await this.#untilMerged(forge, pull, merged))) return
      await this.#untilReady(readyWithinMs)
      if (this.#end.aborted) return
      told.after = await zonesOf(controller)
      this.#step('Moved while records flow. What comes of it is measured, and told at the pull request:')
      const comment = await this.#until(commented)
      if (comment === undefined) return
      told.realised = comment
      told.latencyMs.after = traffic.arrivals.latencyMs(recentMs)!
      this.#screen.say(`\n${realisedText(comment)}\n`)
      this.#screen.say(
        `  From topic to topic a record took ${ms(told.latencyMs.before)}; now it takes ${paint('green', ms(told.latencyMs.after))}.\n`,
      )
    } finally {
      clearInterval(show)
    }
  }

  /** @returns whether it was */
  async #untilMerged(forge: DemoForge, pull: Pull, merged: Promise<void>): Promise<boolean> {
    if (this.#options.wait) this.#step('Merge it by the button on that page.')
    else {
      this.#step(`In ${readForMs / 1000} s it is merged, as by the button on that page.`)
      await this.#until(Promise.race([merged, sleep(readForMs)]))
      if (this.#end.aborted) return false
      await forge.merge(pull)
    }
    await this.#until(merged)
    return !this.#end.aborted
  }

  /** All is told: somebody may want to look around. */
  async #linger(traffic: Traffic, workspace: Workspace): Promise<void> {
    if (this.#options.exitAfter !== undefined || this.#end.aborted) return
    this.#screen.say(`${commandText()}\n`)
    this.#screen.say(
      `  ${paint('bold', `cd ${workspace.copy}`)} leads to \`npx dyninka suggest\`, \`status\` and \`telemetry show\`.`,
    )
    this.#screen.say('\nCtrl-C here stops all of it.\n')
    const show = setInterval(() => this.#tally(traffic), tallyMs)
    await this.#until(new Promise(() => {}))
    clearInterval(show)
  }

  #step(text: string) {
    this.#screen.say(`${paint('cyan', '→')} ${paint('bold', text)}`)
  }

  #tell(event: ControllerEvent) {
    if (event.type === 'built' || event.type === 'suggested') return // it is told otherwise
    const text = this.#narration.tell(event)
    // A Ctrl-C reaches what Git is just doing, too.
    if (text !== undefined && !this.#interrupted.aborted) this.#screen.say(text)
    if (event.type !== 'ready') return
    this.#revision = event.revision
    this.#ready.resolve()
  }

  #tally({ sent, arrivals }: Traffic) {
    const latency = arrivals.latencyMs(3_000)
    const way = latency === undefined ? '' : `, ${ms(latency)} from topic to topic`
    this.#screen.live(`${sent} records sent, ${arrivals.count} delivered${way}`)
  }

  /** @returns undefined when it is the end before */
  async #until<T>(promise: Promise<T>): Promise<T | undefined> {
    if (this.#end.aborted) return undefined
    const gone = Promise.withResolvers<undefined>()
    const leave = () => gone.resolve(undefined)
    this.#end.addEventListener('abort', leave)
    try {
      return await Promise.race([promise, gone.promise])
    } finally {
      this.#end.removeEventListener('abort', leave)
    }
  }

  async #untilReady(withinMs: number): Promise<void> {
    const end = new AbortController()
    const late = sleep(withinMs, 'late' as const, { signal: end.signal }).catch(() => undefined)
    const result = await this.#until(Promise.race([this.#ready.promise, late]))
    end.abort()
    if (result === 'late')
      throw new Problem('NotReady', `the dataflow is not ready after ${withinMs / 1000} s`, {
        hint: 'What is said above tells why; a second try may do on a busy machine.',
      })
  }

  async #stop(forge: DemoForge, controller: Controller | undefined, workspace: Workspace): Promise<void> {
    this.#screen.live('Stopping …')
    await controller?.stop({ hosts: true })
    await forge.stop()
    const removed = await workspace.remove()
    this.#screen.end()
    const rest = removed ? `Its folder is removed.` : `Your work stays in ${workspace.copy}`
    this.#screen.say(`Stopped the controller, its broker, the links, the forge and all functions. ${rest}`)
  }

  #conclude(told: Told, traffic: Traffic | undefined): number {
    const [sent, delivered] = [traffic?.sent ?? 0, traffic?.arrivals.count ?? 0]
    const isWhole = sent === delivered && sent > 0
    const isTold = told.realised !== undefined
    this.#screen.say(
      paint(
        isWhole ? 'green' : 'red',
        `${sent} records sent, ${delivered} delivered, ${sent - delivered} lost.`,
      ),
    )
    if (!isTold && !this.#interrupted.aborted)
      this.#screen.say(
        paint('red', `The time was over before all was told: --exit-after 3m leaves more of it.`),
      )
    if (this.#options.json) console.log(JSON.stringify(this.#summary(told, traffic)))
    if (this.#interrupted.aborted) return Number(process.exitCode ?? 0)
    return isWhole && isTold ? 0 : 1
  }

  #summary({ pull, before = {}, after = {}, latencyMs, realised }: Told, traffic: Traffic | undefined) {
    const moved = Object.keys(after).filter(name => after[name] !== before[name])
    return {
      recordsSent: traffic?.sent ?? 0,
      recordsDelivered: traffic?.arrivals.count ?? 0,
      deliveredTwice: traffic?.arrivals.twice ?? 0,
      pullRequest: pull ? saidOf(pull) : null,
      moved: moved.map(name => ({ function: name, from: before[name], to: after[name] })),
      latencyMs,
      realised: realised ?? null,
      revision: this.#revision,
      seconds: (performance.now() - this.#started) / 1000,
    }
  }
}

const saidOf = ({ title, body, isMerged, comments }: Pull) => ({
  title,
  moves: markerIn(body)?.moves.map(({ item, to }) => ({ function: item, to: zoneOf(to) })) ?? [],
  merged: isMerged,
  comments: comments.length,
})

/** Where everything runs, as the controller's status says. */
async function zonesOf(controller: Controller): Promise<Record<string, string>> {
  const response = await fetch(`${controller.url}/api/status`)
  const { dataflows } = (await response.json()) as { dataflows: DataflowStatus[] }
  return Object.fromEntries(
    dataflows.flatMap(({ functions }) =>
      functions.flatMap(({ name, hosts }) => {
        const newest = hosts.toSorted((a, b) => b.generation - a.generation)[0]
        return newest ? [[name, zoneOf(newest.node)] as const] : []
      }),
    ),
  )
}

const ms = (value: number | undefined) => (value === undefined ? 'unknown' : `${Math.round(value)} ms`)
