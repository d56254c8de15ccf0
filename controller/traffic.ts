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

/** What a later controller goes on with. */
export interface TrafficRecord {
  v: 1
  /** By node. */
  totals: Record<string, Counters>
  /** By host, those that were silent for longest first: what of it is in `totals`. */
  counted: Record<string, Counters>
}

/** Sums up what hosts report. Their counters start at 0 with each process; these only grow: what a host reports
 *  beyond its last report is added. */
export class Traffic {
  #totals = new Map<string, Counters>()
  /** By host, those that are gone included: a last report may come late, and must not count twice. */
  #counted = new Map<string, Counters>()

  constructor(record?: TrafficRecord) {
    this.#totals = new Map(Object.entries(record?.totals ?? {}))
    this.#counted = new Map(Object.entries(record?.counted ?? {}))
  }

  /** Keeps the last counts of hosts that are gone. @returns whether there were any: nobody will report them again */
  retire(view: FlowView, living: ReadonlySet<string>): boolean {
    const reports = this.#count(view)
    let haveGone = false
    for (const host of [...reports.keys(), ...view.heard.keys()]) {
      if (living.has(host) || view.presences.has(host)) continue
      haveGone ||= reports.has(host)
      view.forget(host)
    }
    return haveGone
  }

  /** Everything up to now. Of hosts that are gone, only those whose last report may still be on its way. */
  record(view: FlowView): TrafficRecord {
    const { size } = this.#count(view)
    const counted = [...this.#counted].slice(-(size + maxLate))
    return { v: 1, totals: Object.fromEntries(this.#totals), counted: Object.fromEntries(counted) }
  }

  /** By node: counters so far, and the records that wait for it or are in its hands. What its producers count includes
   *  what is in its hands; a source has no producers. */
  totals(view: FlowView): Map<string, Counters & { lag: number }> {
    this.#count(view)
    const totals = new Map<string, Counters & { lag: number }>()
    const inHand = new Map<string, number>()
    const add = (node: string, lag: number) => {
      const before = totals.get(node)?.lag ?? 0
      totals.set(node, { ...(this.#totals.get(node) ?? none), lag: before + lag })
    }
    for (const node of this.#totals.keys()) add(node, 0)
    for (const { node, report } of view.reports().values()) {
      add(node, 0)
      inHand.set(node, (inHand.get(node) ?? 0) + report.inFlight)
      for (const [consumer, count] of Object.entries(report.backlog)) add(consumer, count)
    }
    for (const [node, total] of totals) total.lag = Math.max(total.lag, inHand.get(node) ?? 0)
    return totals
  }

  #count(view: FlowView) {
    const reports = view.reports()
    for (const [host, { node, report }] of reports) {
      const before = this.#counted.get(host) ?? none
      const total = this.#totals.get(node) ?? none
      const now = combine(before, report, Math.max)
      this.#totals.set(
        node,
        combine(
          total,
          combine(now, before, (a, b) => a - b),
          (a, b) => a + b,
        ),
      )
      this.#counted.delete(host) // last in order again: those that are silent for longest are forgotten first
      this.#counted.set(host, now)
    }
    for (const host of this.#counted.keys()) {
      if (this.#counted.size <= maxHosts) break
      this.#counted.delete(host)
    }
    return reports
  }
}

const maxHosts = 10_000
const maxLate = 100

const combine = (
  a: Counters,
  b: Pick<TelemetryReport, keyof Counters>,
  how: (a: number, b: number) => number,
) => Object.fromEntries(names.map(name => [name, how(a[name], b[name])])) as unknown as Counters
