import type { FunctionNode } from '../schema/flow.ts'
import {
  firstScale,
  rescale,
  type Sample,
  type Scale,
  type ScaleSettings,
  scaleDefaults,
} from './autoscale.ts'
import type { FlowView } from './broker/flow-view.ts'
import type { Dataflow } from './dataflow.ts'
import type { Inventory, Resting } from './inventory.ts'
import { LoadGauge, type Reports } from './load-gauge.ts'
import type { Observed } from './plan.ts'
import { isInEffect } from './rollout.ts'

export interface Scaled {
  function: string
  hosts: number
  reason: string
}

/** Decides, for one dataflow, how many hosts each function should have whose `scale` leaves a choice. */
export class Scaler {
  #scales = new Map<string, Scale>()
  #gauge = new LoadGauge()

  /** By function: what is decided. */
  get hosts(): Record<string, number> {
    return Object.fromEntries([...this.#scales].map(([name, { hosts }]) => [name, hosts]))
  }

  scaleOf(name: string): Scale | undefined {
    return this.#scales.get(name)
  }

  /** Takes in functions that are new to us, as many hosts as run, and forgets those that are gone. */
  begin(inventory: Inventory, observed: Observed, now = performance.now()): void {
    const functions = scaledFunctions(inventory)
    for (const name of this.#scales.keys())
      if (!functions.some(each => each.name === name)) this.#scales.delete(name)
    for (const { name, scale } of functions) {
      if (this.#scales.has(name)) continue
      const hosts = observed.hosts.filter(host => host.node === name && host.phase !== 'stopping')
      const newest = Math.max(...hosts.map(({ generation }) => generation))
      const running = hosts.filter(({ generation }) => generation === newest).length
      const mayRest = observed.resting[name] !== undefined && running === 0
      this.#scales.set(name, firstScale(scale, mayRest ? 0 : Math.max(1, running), now))
    }
  }

  /** Looks at how it goes. @returns what is decided anew; the inventory says then who may rest, and is to be saved */
  look(
    dataflow: Dataflow,
    view: FlowView,
    settings: Partial<ScaleSettings>,
    now = performance.now(),
  ): Scaled[] {
    const { inventory, last } = dataflow
    if (!inventory || !last || dataflow.removed) return []
    const functions = scaledFunctions(inventory).filter(({ name }) => this.#scales.has(name))
    if (functions.length === 0) return []
    const reports = view.reports()
    this.#gauge.read(reports)
    return functions.flatMap(node => {
      const scale = this.#scales.get(node.name)!
      const sample = this.#sample(node, inventory, last.observed, reports, now)
      const next = rescale(scale, sample, node.scale, { ...scaleDefaults, ...settings })
      this.#scales.set(node.name, next)
      if (next.hosts === 0 && scale.hosts > 0) this.#rest(node, inventory, last.observed, reports)
      return next.hosts === scale.hosts
        ? []
        : [{ function: node.name, hosts: next.hosts, reason: next.reason }]
    })
  }

  #sample(
    node: FunctionNode,
    inventory: Inventory,
    observed: Observed,
    reports: Reports,
    at: number,
  ): Sample {
    const { name } = node
    const up = observed.presences.filter(host => host.function === name && host.partitions.length > 0)
    const lanes = node.scale.max * node.concurrency
    const measured = this.#gauge.measure(name, new Set(up.map(({ host }) => host)), lanes)
    const isAtRest = this.#scales.get(name)!.hosts === 0
    const needed = isAtRest
      ? whyNotAtRest(node, inventory.resting?.[name], observed, reports)
      : whyAwake(node, inventory, observed, reports)
    return { at, hosts: up.length, ...measured, ...(needed !== undefined && { needed }) }
  }

  #rest({ name, from }: FunctionNode, inventory: Inventory, observed: Observed, reports: Reports) {
    inventory.resting ??= {}
    inventory.resting[name] = {
      revision: observed.wirings[name]!.revision,
      feeders: feedersOf(from, reports),
    }
  }
}

const scaledFunctions = ({ flow }: Inventory) =>
  flow.nodes.filter(
    (node): node is FunctionNode => node.kind === 'function' && node.scale.min < node.scale.max,
  )

/** What a function without hosts can't be told by its producers' counts: a reason to start one. */
function whyNotAtRest(
  { name, from }: FunctionNode,
  resting: Resting | undefined,
  observed: Observed,
  reports: Reports,
): string | undefined {
  if (!resting || resting.revision !== observed.wirings[name]?.revision)
    return 'it has another wiring, or letters to replay'
  const now = feedersOf(from, reports)
  for (const [host, takeovers] of Object.entries(resting.feeders)) {
    if (host in now) continue
    const last = reports.get(host)?.report
    if (isAlive(host, observed) && !last) continue // not heard of since we started
    if (!last?.leaving || last.takeovers !== takeovers) return 'what feeds it ended'
    delete resting.feeders[host] // it left in peace; what it sent is in the lag
  }
  const isNew = Object.entries(now).some(([host, takeovers]) => resting.feeders[host] !== takeovers)
  return isNew ? 'what feeds it started anew' : undefined
}

/** Why a function that runs can't be told to have nothing to do. */
function whyAwake(
  { name, from }: FunctionNode,
  inventory: Inventory,
  observed: Observed,
  reports: Reports,
): string | undefined {
  const wiring = observed.wirings[name]
  const { [name]: _, ...resting } = observed.resting
  if (!wiring || !isInEffect(name, wiring, { presences: observed.presences, resting }))
    return 'its wiring is not in effect yet'
  if (wiring.next) return 'its partitions change'
  delete inventory.resting?.[name]
  const isSilent = ({ id, node }: { id: string; node: string }) =>
    from.some(input => input.node === node) && !reports.has(id)
  return observed.hosts.some(isSilent) ? 'what feeds it has not told yet' : undefined
}

/** Living hosts of producers, with the partitions that each has taken over since its start. */
function feedersOf(from: FunctionNode['from'], reports: Reports): Resting['feeders'] {
  const feeders: Resting['feeders'] = {}
  for (const [host, { node, report }] of reports) {
    if (report.leaving || !from.some(input => input.node === node)) continue
    feeders[host] = report.takeovers
  }
  return feeders
}

const isAlive = (host: string, { hosts }: Observed) => hosts.some(({ id }) => id === host)
