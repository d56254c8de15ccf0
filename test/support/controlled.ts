import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { stopEmbeddedBroker } from '../../controller/broker/embedded-broker.ts'
import type { ControllerEvent, ControllerOptions } from '../../controller/options.ts'
import { hostProcesses } from '../../controller/orchestrator/local/processes.ts'
import type { DataflowStatus, FunctionStatus } from '../../controller/status.ts'

const program = fileURLToPath(new URL('./controller-process.ts', import.meta.url))

/** A controller in a process of its own, so that it can be killed, over a state folder that outlives it. */
export class Controlled {
  readonly state: string
  readonly options: Omit<ControllerOptions, 'state'>
  events: ControllerEvent[] = []
  url = ''
  brokerUrl = ''
  #child?: ChildProcess

  /** @param state a folder of the test's own; default: a new one */
  static async over(options: Omit<ControllerOptions, 'state'>, state?: string): Promise<Controlled> {
    const controlled = new Controlled(state ?? (await mkdtemp(join(tmpdir(), 'dyninka-'))), options)
    await controlled.start()
    return controlled
  }

  private constructor(state: string, options: Omit<ControllerOptions, 'state'>) {
    this.state = state
    this.options = options
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [program, JSON.stringify({ ...this.options, state: this.state })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#child = child
    this.events = []
    const started = Promise.withResolvers<void>()
    child.once('exit', code => started.reject(new Error(`the controller ended with code ${code}`)))
    createInterface(child.stdout!).on('line', line => {
      const message = JSON.parse(line)
      if (message.type !== 'started-controller') return void this.events.push(message)
      this.url = message.url
      this.brokerUrl = message.brokerUrl
      started.resolve()
    })
    await started.promise
  }

  /** Of the controller's own process. */
  get pid(): number {
    return this.#child!.pid!
  }

  /** `SIGKILL`: what runs must survive. */
  async kill(): Promise<void> {
    if (this.#child?.exitCode !== null || this.#child.signalCode) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }

  async get<T>(path: string): Promise<T> {
    return (await fetch(this.url + path)).json() as Promise<T>
  }

  async post<T>(path: string, body: unknown = {}): Promise<T> {
    return (await fetch(this.url + path, { method: 'POST', body: JSON.stringify(body) })).json() as Promise<T>
  }

  async status(name?: string): Promise<DataflowStatus | undefined> {
    const { dataflows } = await this.get<{ dataflows: DataflowStatus[] }>('/api/status')
    return dataflows.find(dataflow => name === undefined || dataflow.name === name)
  }

  /** By function. */
  async functions(): Promise<Record<string, FunctionStatus>> {
    return Object.fromEntries((await this.status())?.functions.map(status => [status.name, status]) ?? [])
  }

  async pids(): Promise<Record<string, number>> {
    return Object.fromEntries(
      Object.entries(await this.functions()).map(([name, { hosts }]) => [name, hosts.at(-1)!.pid!]),
    )
  }

  /** Waits until the dataflow runs this commit. */
  async ready(commit?: string, timeoutMs?: number): Promise<DataflowStatus> {
    let status: DataflowStatus | undefined
    await until(
      'it is ready',
      async () => {
        status = await this.status()
        const isReady = status?.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
        return isReady === true && (commit === undefined || status!.revision.includes(commit))
      },
      () => JSON.stringify(status, null, 1),
      timeoutMs,
    )
    return status!
  }

  processes() {
    return hostProcesses(`--record=${join(this.state, 'hosts')}/`)
  }

  /** Ends all that was started, whatever state it is in. */
  async remove(): Promise<void> {
    await this.kill()
    for (const { pid } of this.processes()) process.kill(pid, 'SIGKILL')
    await stopEmbeddedBroker(this.state)
    await rm(this.state, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** @param detail what to say when it never holds */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  detail = () => '',
  timeoutMs = 20_000,
) {
  const end = performance.now() + timeoutMs
  while (performance.now() < end) {
    if (await holds()) return
    await sleep(15)
  }
  assert.unreachable(`never: ${what} ${detail()}`)
}
