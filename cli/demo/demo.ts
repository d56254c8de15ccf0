import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { startController } from '../../controller/controller.ts'
import type { Controller, ControllerEvent } from '../../controller/options.ts'
import type { Flow } from '../../schema/flow.ts'
import { load } from '../../schema/index.ts'
import { Problem } from '../../schema/problem.ts'
import { pictureOf } from '../graph/picture.ts'
import { text as drawing } from '../graph/text.ts'
import { interruption } from '../interrupt.ts'
import { Narration } from '../narration.ts'
import { paint } from '../paint.ts'
import { exercise } from './exercise.ts'
import { nextSteps } from './next-steps.ts'
import { Screen } from './screen.ts'
import { Workspace } from './workspace.ts'

interface Options {
  exitAfter?: number
  json?: true
}

interface Summary {
  recordsSent: number
  recordsDelivered: number
  functions: number
  builds: number
  revision: string
  seconds: number
}

const FLOW = 'weather'
const READY_WITHIN_MS = 90_000
/** Kept free at the end of `--exit-after`, for what is under way to arrive. */
const RESERVE_MS = 4_000
const SEND_AT_LEAST_MS = 3_000
/** After the start and after each push. */
const SHOWN_RECORDS = 4

/** The main job, from an empty folder to pushes, in one process that cleans up after itself. */
export class Demo {
  readonly #dir: string
  readonly #options: Options
  readonly #screen: Screen
  readonly #started = Date.now()
  readonly #narration = new Narration()
  readonly #ready = Promise.withResolvers<void>()
  #builds = 0
  #revision = ''
  #toShow = SHOWN_RECORDS
  #next = ''

  constructor(dir: string, options: Options) {
    this.#dir = dir
    this.#options = options
    this.#screen = new Screen(options.json ? process.stderr : process.stdout)
  }

  /** @returns the exit code */
  async run(): Promise<number> {
    const signal = interruption()
    this.#screen.say(`Making a repository and a working copy in ${this.#dir}`)
    const workspace = await Workspace.make(this.#dir, FLOW)
    const flow = await read(workspace.copy)
    this.#screen.say(`\n${drawing(pictureOf(flow), 100)}\n`)
    const controller = await startController({
      repo: workspace.repository,
      branch: 'main',
      state: workspace.state,
      logger: pino({ level: 'silent' }),
      onEvent: event => this.#tell(event),
    })
    let tally = { sent: 0, delivered: 0 }
    try {
      await this.#untilReady(signal)
      if (!this.#options.exitAfter) this.#next = nextSteps(workspace.copy)
      if (!signal.aborted) tally = await this.#exercise(controller, workspace, flow, signal)
    } finally {
      await this.#stop(controller, workspace)
    }
    return this.#conclude(tally, flow, signal)
  }

  async #untilReady(signal: AbortSignal) {
    const end = new AbortController()
    const late = sleep(READY_WITHIN_MS, undefined, { signal: AbortSignal.any([signal, end.signal]) }).then(
      () => {
        throw new Problem('NotReady', `the dataflow is not ready after ${READY_WITHIN_MS / 1000} s`, {
          hint: 'What is said above tells why; a second try may do on a busy machine.',
        })
      },
      () => {},
    )
    await Promise.race([this.#ready.promise, late])
    end.abort()
  }

  #exercise(controller: Controller, workspace: Workspace, flow: Flow, signal: AbortSignal) {
    const { exitAfter } = this.#options
    const rest = exitAfter && this.#started + exitAfter - RESERVE_MS - Date.now()
    return exercise({
      brokerUrl: controller.brokerUrl,
      dir: workspace.copy,
      flow,
      signal,
      ...(rest !== undefined && { sendMs: Math.max(rest, SEND_AT_LEAST_MS) }),
      onRecord: text => this.#show(text),
      onTally: ({ sent, delivered }) =>
        this.#screen.live(`${sent} records sent, ${delivered} delivered, ${sent - delivered} under way`),
    })
  }

  #tell(event: ControllerEvent) {
    const text = this.#narration.tell(event)
    if (text !== undefined) this.#screen.say(text)
    if (event.type === 'built' && !event.reused) this.#builds++
    if (event.type !== 'ready') return
    this.#revision = event.revision
    this.#toShow = SHOWN_RECORDS
    this.#ready.resolve()
  }

  #show(text: string) {
    if (this.#toShow === 0) return
    this.#screen.say(`  ${paint('cyan', text)}`)
    this.#toShow--
    if (this.#toShow > 0 || this.#next === '') return
    this.#screen.say(`\n${this.#next}`)
    this.#next = ''
  }

  async #stop(controller: Controller, workspace: Workspace) {
    this.#screen.live('Stopping …')
    await controller.stop({ hosts: true })
    const removed = await workspace.remove()
    this.#screen.end()
    const rest = removed ? `Its folder is removed.` : `Your work stays in ${workspace.copy}`
    this.#screen.say(`Stopped the controller, its broker and all functions. ${rest}`)
  }

  #conclude(
    { sent, delivered }: { sent: number; delivered: number },
    flow: Flow,
    signal: AbortSignal,
  ): number {
    const isWhole = sent === delivered && sent > 0
    const colour = isWhole ? 'green' : 'red'
    this.#screen.say(paint(colour, `${sent} records sent, ${delivered} delivered, ${sent - delivered} lost.`))
    if (this.#options.json) {
      const summary: Summary = {
        recordsSent: sent,
        recordsDelivered: delivered,
        functions: flow.nodes.filter(node => node.kind === 'function').length,
        builds: this.#builds,
        revision: this.#revision,
        seconds: (Date.now() - this.#started) / 1000,
      }
      console.log(JSON.stringify(summary))
    }
    if (signal.aborted) return Number(process.exitCode ?? 0)
    return isWhole ? 0 : 1
  }
}

async function read(dir: string): Promise<Flow> {
  const { flow, findings } = await load(dir, { types: false })
  if (flow) return flow
  const messages = findings.map(({ file, line, message }) => `${file}:${line} ${message}`)
  throw new Problem('Findings', `flows/${FLOW} has findings: ${messages.join('; ')}`)
}
