import { parsePresence } from '../../runtime/membership.ts'
import type { Presence } from '../../runtime/presence.ts'
import type { TelemetryReport } from '../../runtime/telemetry-report.ts'
import type { Connection } from '../../runtime/transport.ts'
import { wireTransport } from '../../runtime/wire-transport.ts'
import type { Flow } from '../../schema/flow.ts'
import { topics } from '../../schema/topics.ts'
import { partitionsOf, wiringOf } from '../../schema/wiring.ts'
import { type HostProcess, startHost } from '../../test/support/host-process.ts'
import { until } from './until.ts'

interface FlowOptions {
  broker: string
  /** The bundled host. */
  program: string
  /** By function: the folder of its `function.mjs`. */
  code: Record<string, string>
  /** By node: how many hosts; 1 where absent, none where 0. */
  hosts?: Record<string, number>
}

/** A dataflow in processes of its own, as the local orchestrator starts them, without the controller. */
export class RunningFlow {
  readonly processes: HostProcess[] = []
  readonly telemetry = new Map<string, TelemetryReport>()
  #flow: Flow
  #options: FlowOptions
  #presences = new Map<string, Presence>()
  #connection!: Connection

  static async start(flow: Flow, options: FlowOptions): Promise<RunningFlow> {
    const running = new RunningFlow(flow, options)
    await running.#start()
    return running
  }

  private constructor(flow: Flow, options: FlowOptions) {
    this.#flow = flow
    this.#options = options
  }

  /** One more host of a node. @returns once it is ready to take over */
  async host(node: string, generation = 1): Promise<HostProcess> {
    const { program, broker, code } = this.#options
    const started = startHost({
      host: program,
      flow: this.#flow.name,
      node,
      broker,
      generation,
      ...(code[node] !== undefined && { code: code[node] }),
    })
    this.processes.push(started)
    await until(`${started.id} is present`, () => this.#presences.has(started.id))
    return started
  }

  presenceOf = (host: HostProcess) => this.#presences.get(host.id)

  /** The newest report of each host of a node. */
  reports = (node: string) => [...this.telemetry.values()].filter(({ host }) => host.startsWith(`${node}-`))

  async stop() {
    for (const { child } of this.processes) child.kill()
    await Promise.all(this.processes.map(({ exited }) => exited))
    await this.#connection.close()
  }

  async #start() {
    const { flow, hosts = {} } = { flow: this.#flow, ...this.#options }
    this.#connection = await wireTransport(this.#options.broker).connect({
      clientId: `bench-${flow.name}`,
      clean: true,
      onMessage: message => {
        message.ack()
        this.#hear(message.topic, message.payload)
      },
      onClose() {},
    })
    await this.#connection.subscribe([topics.hosts(flow.name), topics.telemetries(flow.name)], 1)
    for (const [node, content] of wiringOf(flow)) {
      const wiring = JSON.stringify({ ...content, revision: 1 })
      await this.#connection.publish(topics.wiring(flow.name, node), wiring, { retain: true })
    }
    for (const node of [...flow.nodes].reverse()) {
      const count = hosts[node.name] ?? 1
      for (let i = 0; i < count; i++) await this.host(node.name)
      if (count > 0) await until(`${node.name} is ready`, () => this.#owned(node.name) === partitionsOf(node))
    }
  }

  #owned(node: string): number {
    const own = [...this.#presences.values()].filter(({ host }) => host.startsWith(`${node}-`))
    return own.reduce((sum, { partitions }) => sum + partitions.length, 0)
  }

  #hear(topic: string, payload: Buffer) {
    const host = topic.slice(topic.lastIndexOf('/') + 1)
    if (topic.includes('/telemetry/')) this.telemetry.set(host, JSON.parse(payload.toString()))
    else {
      const presence = parsePresence(payload)
      if (presence) this.#presences.set(host, presence)
      else this.#presences.delete(host)
    }
  }
}
