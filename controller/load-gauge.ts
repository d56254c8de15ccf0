import type { TelemetryReport } from '../runtime/telemetry-report.ts'
import type { FlowView } from './broker/flow-view.ts'

/** Newest report by host. */
export type Reports = ReturnType<FlowView['reports']>

/** Reports that a rate is taken over: one a second comes from each host. */
const window = 4

/** How much work waits for a function, and how busy its hosts are, from what hosts report. */
export class LoadGauge {
  /** By host, oldest first. */
  #reports = new Map<string, { node: string; reports: TelemetryReport[] }>()

  /** Takes in what was reported since the last time. */
  read(newest: Reports): void {
    for (const host of this.#reports.keys()) if (!newest.has(host)) this.#reports.delete(host)
    for (const [host, { node, report }] of newest) {
      const reports = this.#reports.get(host)?.reports ?? []
      if (reports.at(-1)?.upMs !== report.upMs) reports.push(report)
      if (reports.length > window) reports.shift()
      this.#reports.set(host, { node, reports })
    }
  }

  /** @param hosts of the function, those that are up @param lanes records that it can have in hand at once */
  measure(node: string, hosts: ReadonlySet<string>, lanes: number) {
    let [backlog, inHand, rate, active, handling] = [0, 0, 0, 0, 0]
    for (const [host, { node: reporter, reports }] of this.#reports) {
      const last = reports.at(-1)!
      backlog += last.backlog[node] ?? 0
      if (reporter !== node || last.leaving) continue
      inHand += last.inFlight
      const first = reports[0]!
      const ms = last.upMs - first.upMs
      if (ms <= 0) continue
      rate += (Math.max(0, finished(last) - finished(first)) / ms) * 1000
      handling += (last.handlerMs - first.handlerMs) / ms
      if (hosts.has(host)) active += (last.activeMs - first.activeMs) / ms
    }
    // Lanes that only wait are busy, too, although the process is not.
    const load = Math.max(hosts.size === 0 ? 0 : active / hosts.size, handling / lanes)
    return { lag: Math.max(backlog, inHand), rate, load: Math.min(1, load) }
  }
}

const finished = ({ recordsIn, inFlight }: TelemetryReport) => recordsIn - inFlight
