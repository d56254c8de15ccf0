import { BrokerClient } from '../../controller/broker/broker-client.ts'
import { replayLetters } from '../../controller/broker/dead-letters.ts'
import { carriedBy } from '../../controller/carriers.ts'
import { type Change, describe } from '../../controller/change.ts'
import type { Desired } from '../../controller/desired.ts'
import { endedOf } from '../../controller/observe.ts'
import { type Observed, plan } from '../../controller/plan.ts'
import { repartitionOf } from '../../controller/repartition.ts'
import type { Flow } from '../../schema/flow.ts'
import { partitionNames } from '../../schema/topics.ts'
import { brokersIn, wiringOf } from '../../schema/wiring.ts'
import { until } from './rig.ts'

export interface Manner {
  steps?: (planned: number) => number
  passes?: number
}

/** The part of a controller that wires, over hosts that somebody else starts and stops. */
export class Conductor {
  /** Every change that was made. */
  readonly made: string[] = []
  /** What a change of partitions was said to wait for, in order. */
  readonly said: string[] = []
  /** As an inventory has them, which outlives a controller. */
  sessions: Record<string, string[]> = {}
  /** The same, of brokers of zones. */
  brokers: Record<string, string[]> = {}
  /** As a controller finds out of its broker. */
  unordered = false
  #zones: Record<string, string> = {}
  #broker!: BrokerClient
  #changed = false

  /** @param flow that is wired: to be read before anything is planned */
  static async over(
    url: string,
    { nodes, ...flow }: Flow,
    zones: Record<string, string> = {},
  ): Promise<Conductor> {
    const conductor = new Conductor()
    conductor.#zones = zones
    for (const [node, content] of wiringOf({ nodes, ...flow }))
      conductor.sessions[node] = partitionNames(content)
    const onChange = () => {
      conductor.#changed = true
    }
    conductor.#broker = await BrokerClient.connect(url, { onChange, onConnection() {} }, zones)
    return conductor
  }

  replay(flow: Flow, node: string): Promise<number> {
    return replayLetters(this.#broker, flow.name, node)
  }

  close() {
    return this.#broker.close()
  }

  /** Passes until nothing is to be done and all is in effect.
   *  @param steps how many changes of a pass are made, of so many: a controller may be killed before the others
   *  @param passes it gives up after so many */
  async settle(
    flow: Flow,
    { steps = planned => planned, passes = Number.POSITIVE_INFINITY }: Manner = {},
  ): Promise<void> {
    const end = Date.now() + 30_000
    for (let n = 0; n < passes; n++) {
      this.#changed = false
      const { planned, done } = await this.#pass(flow, steps)
      if (done) return
      if (Date.now() > end) throw new Error(`the wiring does not settle: ${this.made.slice(-8).join(' | ')}`)
      if (planned === 0) await until(() => this.#changed, 'a change', 2_000).catch(() => {})
    }
  }

  async #pass(flow: Flow, steps: NonNullable<Manner['steps']>) {
    const observed = await this.#observe(flow)
    const wanted: Desired = {
      flow: flow.name,
      nodes: flow.nodes,
      workloads: [],
      contents: Object.fromEntries(wiringOf(flow)),
      unbuilt: [],
    }
    const desired = carriedBy(wanted, observed)
    const changes = plan(desired, observed)
    for (const { name } of flow.nodes) {
      const why = repartitionOf(name, desired, observed)
      if (why !== undefined && why !== this.said.at(-1)) this.said.push(why)
    }
    for (const change of changes.slice(0, steps(changes.length))) await this.#apply(change)
    const isWaiting = flow.nodes.some(({ name }) => repartitionOf(name, desired, observed) !== undefined)
    return { planned: changes.length, done: changes.length === 0 && !isWaiting }
  }

  async #observe({ name }: Flow): Promise<Observed> {
    const view = await this.#broker.watch(name, Object.keys(this.sessions))
    return {
      hosts: [],
      nodes: [],
      wirings: Object.fromEntries(view.wirings),
      presences: [...view.presences.values()].map(presence => ({
        ...presence,
        function: presence.host.slice(0, presence.host.lastIndexOf('-')),
      })),
      sessions: structuredClone(this.sessions),
      resting: {},
      ended: await endedOf(name, view, this.#broker),
      silent: [],
      zoneBrokers: Object.keys(this.#zones),
      ...(this.unordered && { unordered: true as const }),
      brokers: structuredClone(this.brokers),
    }
  }

  async #apply(change: Change) {
    this.made.push(describe(change))
    switch (change.action) {
      case 'publish':
        this.#remember(change.node, partitionNames(change.wiring))
        this.#rememberBrokers(change.node, brokersIn(change.wiring))
        return this.#broker.publishWiring(change.flow, change.node, change.wiring)
      case 'repartition':
        this.#remember(change.node, partitionNames(change.to))
        this.#rememberBrokers(change.node, brokersIn({ outputs: {}, ...change.to }))
        return this.#broker.prepare(change.flow, change.node, change.to, change)
      case 'leave':
        await this.#broker.leave(change.flow, change.node, change)
        this.brokers[change.node] = this.brokers[change.node]!.filter(broker => broker !== change.broker)
        return
      case 'begin':
        return this.#broker.begin(change.flow, change.node, change.wiring, change.cursors)
      case 'discard':
        await this.#broker.discard(change.flow, change.node, change)
        this.sessions[change.node] = this.sessions[change.node]!.filter(
          name => !change.partitions.includes(name),
        )
    }
  }

  #rememberBrokers(node: string, brokers: string[]) {
    this.brokers[node] = [...new Set([...(this.brokers[node] ?? []), ...brokers])]
  }

  #remember(node: string, names: string[]) {
    this.sessions[node] = [...new Set([...(this.sessions[node] ?? []), ...names])]
  }
}
