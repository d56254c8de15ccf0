import type { TelemetryReport } from '../runtime/telemetry-report.ts'
import type { FlowView } from './broker/flow-view.ts'

/** Counters of one node of the graph, its earlier hosts included. */
export interface Counters {
  recordsIn: number
  recordsOut: number
  deadLetters: number
  retries: number
  repeats: number
  dropped: number
}

const none: Counters = { recordsIn: 0, recordsOut: 0, deadLetters: 0, retries: 0, repeats: 0, dropped: 0 }
const names = Object.keys(none) as (keyof Counters)[]

/** Sums up what hosts report. Their counters start at 0 with each process; these go on. */
export class Traffic {
  #retired = new Map<string, Counters>()

  /** Keeps the last counts of hosts that are gone. */
  retire(view: FlowView, living: ReadonlySet<string>): void {
    for (const [host, { node, report }] of view.reports()) {
      if (living.has(host) || view.presences.has(host)) continue
      this.#retired.set(node, sum(this.#retired.get(node) ?? none, report))
      view.forget(host)
    }
    for (const host of view.heard.keys())
      if (!living.has(host) && !view.presences.has(host)) view.forget(host)
  }

  /** By node: counters so far, and the records that wait for it or are in its hands. */
  totals(view: FlowView): Map<string, Counters & { lag: number }> {
    const totals = new Map<string, Counters & { lag: number }>()
    const of = (node: string) => totals.get(node) ?? { ...(this.#retired.get(node) ?? none), lag: 0 }
    for (const node of this.#retired.keys()) totals.set(node, of(node))
    for (const { node, report } of view.reports().values()) {
      const own = of(node)
      totals.set(node, { ...sum(own, report), lag: own.lag + report.inFlight })
      for (const [consumer, count] of Object.entries(report.backlog)) {
        const other = of(consumer)
        totals.set(consumer, { ...other, lag: other.lag + count })
      }
    }
    return totals
  }
}

const sum = (a: Counters, b: Pick<TelemetryReport, keyof Counters>): Counters =>
  Object.fromEntries(names.map(name => [name, a[name] + b[name]])) as unknown as Counters
