import type { Node } from '../../schema/flow.ts'
import type { FigureMessage, FlowView } from '../broker/flow-view.ts'
import type { NodeUse, ObservedHost } from '../orchestrator/orchestrator.ts'
import { Clocks } from './clocks.ts'
import { ReportCheck } from './report-check.ts'
import { Slot } from './slot.ts'
import { sourcesAbove } from './sources-above.ts'
import type { Window } from './window.ts'

/** Of a window; hosts report twice in each. */
export const defaultWindowMs = 10_000

export interface Measuring {
  /** Length of a window. */
  windowMs?: number
  /** The broker that a URL leads to, as hosts have it: both as `mqtt://host:port`. */
  brokerAt?: (url: string) => string
}

interface KnownHost {
  /** Function, source or sink. */
  name: string
  /** Node that it runs on. */
  place: string
  /** Slots that ended since it was observed: the last report of one that leaves may come late. */
  missed: number
}

type Host = Pick<ObservedHost, 'id' | 'node' | 'place'>

/** The telemetry of one dataflow, as it comes. */
export class FlowTelemetry {
  /** By reason: reports that were not used. */
  readonly refused: Record<string, number> = {}
  /** The last window that was closed. */
  latest: Window | undefined
  #check = new ReportCheck()
  #clocks = new Clocks()
  #slot: Slot | undefined
  #hosts = new Map<string, KnownHost>()
  /** Hosts that went on in the slot before, by ID: their functions. */
  #staying: ReadonlyMap<string, string> = new Map()
  /** By node: when its last sample was taken. */
  #usedAt = new Map<string, string>()
  #windowMs: number
  #brokerAt: (url: string) => string

  constructor({ windowMs = defaultWindowMs, brokerAt = url => url }: Measuring = {}) {
    this.#windowMs = windowMs
    this.#brokerAt = brokerAt
  }

  /** @param nodes of the graph @param hosts that there are @param now ms since the epoch, by a clock that does not jump
   *  @param uses what nodes of the cluster take, as last measured @returns the window that is over */
  look(
    view: Pick<FlowView, 'takeFigures'>,
    nodes: Node[],
    hosts: Host[],
    now: number,
    uses: ReadonlyMap<string, NodeUse> = new Map(),
  ): Window | undefined {
    this.#slot ??= new Slot(now)
    for (const { id, node, place } of hosts) this.#hosts.set(id, { name: node, place, missed: 0 })
    this.#takeUses(uses)
    const { messages, lost } = view.takeFigures()
    this.#refuse('overrun', lost)
    const byName = new Map(nodes.map(node => [node.name, node]))
    const above = sourcesAbove(nodes)
    for (const message of messages) this.#take(message, byName, above)
    return now - this.#slot.start >= this.#windowMs ? this.#close(now) : undefined
  }

  #take(
    { node: name, host, payload, receivedAt }: FigureMessage,
    nodes: ReadonlyMap<string, Node>,
    above: ReadonlyMap<string, ReadonlySet<string>>,
  ) {
    const node = nodes.get(name)
    const known = this.#hosts.get(host)
    const read = this.#check.read(host, payload, node !== undefined && known?.name === name)
    if ('refusal' in read) return this.#refuse(read.refusal)
    const { report } = read
    const trips = Object.values(report.roundTrips).map(({ minMs }) => minMs)
    this.#clocks.hear(host, Date.parse(report.at), receivedAt, trips.length > 0 ? Math.min(...trips) : 0)
    const sources = [...this.#hosts].filter(([, { name: other }]) => above.get(name)!.has(other))
    this.#slot!.add({
      name,
      place: known!.place,
      clockErrorMs: this.#clocks.disagreement(
        host,
        sources.map(([id]) => id),
      ),
      report: {
        ...report,
        edges: this.#wired(report.edges, node!),
        roundTrips: Object.fromEntries(
          Object.entries(report.roundTrips).map(([url, trip]) => [this.#brokerAt(url), trip]),
        ),
      },
    })
  }

  /** Each sample counts once, however often it is told. */
  #takeUses(uses: ReadonlyMap<string, NodeUse>) {
    for (const [node, use] of uses) {
      const isFirst = !this.#usedAt.has(node)
      if (this.#usedAt.get(node) === use.at) continue
      this.#usedAt.set(node, use.at)
      // Of before a controller came, another one may have counted it.
      if (!isFirst) this.#slot!.use(node, use)
    }
    for (const node of this.#usedAt.keys()) if (!uses.has(node)) this.#usedAt.delete(node)
  }

  /** Without those that its function does not read. */
  #wired<T>(edges: Record<string, T>, { from }: Node): Record<string, T> {
    const inputs = from.map(({ node, output }) => (output === 'default' ? node : `${node}.${output}`))
    const all = Object.entries(edges)
    const known = all.filter(([name]) => inputs.includes(name))
    this.#refuse('unknown-edge', all.length - known.length)
    return Object.fromEntries(known)
  }

  #refuse(reason: string, count = 1) {
    if (count === 0) return
    this.refused[reason] = (this.refused[reason] ?? 0) + count
    this.#slot!.refuse(reason, count)
  }

  #close(now: number): Window {
    const slot = this.#slot!
    this.latest = slot.close(now, this.#staying)
    this.#staying = slot.staying()
    this.#slot = new Slot(now)
    this.#check.next()
    for (const [host, known] of this.#hosts) {
      known.missed += 1
      if (known.missed <= 2) continue
      this.#hosts.delete(host)
      this.#check.forget(host)
      this.#clocks.forget(host)
    }
    return this.latest
  }
}
