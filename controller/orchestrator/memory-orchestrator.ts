import { emptyCursor } from '../../runtime/cursor.ts'
import type { Presence } from '../../runtime/presence.ts'
import { topics } from '../../schema/topics.ts'
import type { Wiring } from '../../schema/wiring.ts'
import { FlowView } from '../broker/flow-view.ts'
import type { Context } from '../context.ts'
import type {
  DeclaredNode,
  HostChange,
  LogLine,
  NodeState,
  ObservedHost,
  Orchestrator,
} from './orchestrator.ts'

const defaultNodes: DeclaredNode[] = [{ name: 'local', zone: 'local' }]

/** Hosts and broker in this process, for tests of the controller and to measure it alone: a host is ready the
 *  moment it starts, unless its artifact is in `broken`, and has any wiring in effect at once. */
export class MemoryOrchestrator implements Orchestrator {
  /** Artifacts whose hosts never get ready and end at once. */
  readonly broken = new Set<string>()
  /** Artifacts whose hosts take until `getReady`. */
  readonly slow = new Set<string>()
  /** By node: how it is. */
  readonly conditions = new Map<string, NodeState['conditions']>()
  /** Everything that was ever changed, hosts and broker together. */
  writes = 0
  #nodes: DeclaredNode[]
  #hosts = new Map<string, ObservedHost & { ready: boolean }>()
  #views = new Map<string, FlowView>()
  #listener: (flow: string) => void = () => {}

  constructor(nodes = defaultNodes) {
    this.#nodes = nodes
  }

  async nodes(): Promise<DeclaredNode[]> {
    return this.#nodes
  }

  async nodeStates(): Promise<NodeState[]> {
    return (await this.nodes()).map(({ name, zone, labels = {} }) => ({
      name,
      ...(zone !== undefined && { zone }),
      labels,
      conditions: this.conditions.get(name) ?? [],
    }))
  }

  async flows(): Promise<string[]> {
    return [...new Set([...this.#hosts.values()].map(({ flow }) => flow))]
  }

  async observe(flow: string): Promise<ObservedHost[]> {
    return [...this.#hosts.values()].filter(host => host.flow === flow)
  }

  async apply(change: HostChange): Promise<void> {
    this.writes += 1
    if (change.action === 'restart') return
    const { flow, node } = change.action === 'start' ? change.spec.workload : change
    const { generation, replica } = change.action === 'start' ? change.spec : change
    const id = `${node}-${generation}-${replica}`
    if (change.action === 'stop') {
      this.#hosts.delete(`${flow}/${id}`)
      this.view(flow).take(topics.host(flow, node, id), Buffer.alloc(0))
    } else {
      const { workload, place } = change.spec
      const { fingerprint, artifact, runtime } = workload
      const isBroken = this.broken.has(artifact)
      const ready = !isBroken && !this.slow.has(artifact)
      const failures = isBroken ? 2 : 0
      const phase = isBroken ? ('backoff' as const) : ('running' as const)
      this.#hosts.set(`${flow}/${id}`, {
        flow,
        node,
        generation,
        replica,
        fingerprint,
        place,
        id,
        phase,
        failures,
        artifact,
        runtime,
        ready,
        workload,
      })
      this.#announce(flow, node)
    }
    this.#listener(flow)
  }

  getReady(artifact: string): void {
    this.slow.delete(artifact)
    for (const host of this.#hosts.values()) {
      if (host.artifact !== artifact) continue
      host.ready = true
      this.#announce(host.flow, host.node)
    }
  }

  async *logs(): AsyncIterable<LogLine> {}

  onChange(listener: (flow: string) => void): void {
    this.#listener = listener
  }

  async prune(): Promise<void> {}

  async close(): Promise<void> {}

  view(flow: string): FlowView {
    const view = this.#views.get(flow) ?? new FlowView(flow, () => this.#listener(flow))
    if (!this.#views.has(flow)) view.synchronise(async () => {})
    this.#views.set(flow, view)
    return view
  }

  /** The broker of this world. */
  readonly broker: Context['broker'] = {
    connected: true,
    watch: async flow => {
      const view = this.view(flow)
      await view.synchronised
      return view
    },
    publishWiring: async (flow, node, wiring) => {
      this.writes += 1
      this.view(flow).take(topics.wiring(flow, node), Buffer.from(JSON.stringify(wiring)))
      this.#announce(flow, node)
    },
    discard: async (flow, node, { everything }) => {
      this.writes += 1
      if (everything) this.view(flow).take(topics.wiring(flow, node), Buffer.alloc(0))
    },
    leave: async () => {
      this.writes += 1
    },
    dismiss: async (flow, node, host) => {
      this.writes += 1
      this.view(flow).take(topics.host(flow, node, host), Buffer.alloc(0))
    },
    clear: (flow, node, host) => this.broker.dismiss(flow, node, host),
    prepare: async () => {
      this.writes += 1
    },
    // Its hosts have any wiring in effect at once, and finish nothing.
    ended: async (_flow, _node, { partitions }) => Array.from({ length: partitions }, emptyCursor),
    begin: async () => {
      this.writes += 1
    },
    forget: async () => {},
  }

  /** Of the hosts of one generation the first owns all partitions: it may fall out so among real ones, too. */
  #announce(flow: string, node: string) {
    const view = this.view(flow)
    const owners = new Set<number>()
    for (const host of this.#hosts.values()) {
      if (host.flow !== flow || host.node !== node || !host.ready) continue
      const owns = !owners.has(host.generation)
      owners.add(host.generation)
      const wiring: Wiring | undefined = view.wirings.get(host.node)
      const presence: Presence = {
        v: 1,
        host: host.id,
        generation: host.generation,
        artifact: host.artifact,
        node: host.place,
        pid: 0,
        startedAt: '',
        wiring: (owns && wiring?.revision) || 0,
        partitions: Array.from({ length: (owns && wiring?.partitions) || 0 }, (_, n) => n),
      }
      const text = JSON.stringify(presence)
      if (text !== JSON.stringify(view.presences.get(host.id)))
        view.take(topics.host(flow, host.node, host.id), Buffer.from(text))
    }
  }
}
