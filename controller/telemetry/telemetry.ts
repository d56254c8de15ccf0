import { join } from 'node:path'
import type { Logger } from 'pino'
import type { FlowView } from '../broker/flow-view.ts'
import type { Dataflow } from '../dataflow.ts'
import type { NodeUse } from '../orchestrator/orchestrator.ts'
import { FlowTelemetry, type Measuring } from './flow-telemetry.ts'
import type { Window } from './window.ts'
import { WindowStore } from './window-store.ts'

/** With what an earlier controller has written down in the same folder. */
export const openTelemetry = (state: string, log: Logger, options?: Measuring) =>
  new Telemetry(WindowStore.open(join(state, 'telemetry.sqlite'), log), log, options)

/** What hosts report of their dataflows: checked, gathered in windows of ten seconds, and kept. */
export class Telemetry {
  #store: WindowStore
  #log: Logger
  #options: Measuring
  #flows = new Map<string, FlowTelemetry>()
  /** Closed, and not written yet. */
  #closed: [flow: string, window: Window][] = []
  #isFailing = false
  #isClosed = false

  constructor(store: WindowStore, log: Logger, options: Measuring = {}) {
    this.#store = store
    this.#log = log
    this.#options = options
  }

  /** Takes in what has come since the last time. @param uses what nodes take, by name */
  look({ inventory, last }: Dataflow, view: FlowView, uses?: ReadonlyMap<string, NodeUse>): void {
    if (!inventory || !last || this.#isClosed) return
    const flow = this.#flows.get(inventory.name) ?? new FlowTelemetry(this.#options)
    this.#flows.set(inventory.name, flow)
    const now = performance.timeOrigin + performance.now()
    const window = flow.look(view, inventory.flow.nodes, last.observed.hosts, now, uses)
    if (window) this.#closed.push([inventory.name, window])
  }

  /** Writes down what is closed: all of it, or nothing. What can't be written now is tried again, up to a minute. */
  save(): void {
    if (this.#closed.length === 0 || this.#isClosed) return
    try {
      this.#store.append(this.#closed)
      this.#closed = []
      this.#isFailing = false
    } catch (err) {
      if (!this.#isFailing) this.#log.warn({ err }, 'telemetry could not be saved')
      this.#isFailing = true
      const since = Date.now() - 60_000
      this.#closed = this.#closed.filter(([, { start }]) => start > since)
    }
  }

  /** Oldest first. @param since ms since the epoch */
  windows(flow: string, since: number): Window[] {
    return [...this.walk(flow, since)]
  }

  /** The same, one by one. */
  *walk(flow: string, since: number): Generator<Window> {
    this.save()
    if (this.#isClosed) return
    for (const window of this.#store.read(flow, since)) {
      yield window
      if (this.#isClosed) return
    }
  }

  /** The last that was closed since this controller runs. */
  latest(flow: string): Window | undefined {
    return this.#flows.get(flow)?.latest
  }

  /** By reason: reports that were not used since this controller runs. */
  refused(flow: string): Readonly<Record<string, number>> {
    return this.#flows.get(flow)?.refused ?? {}
  }

  forget(flow: string): void {
    this.#flows.delete(flow)
    this.#closed = this.#closed.filter(([name]) => name !== flow)
    try {
      this.#store.forget(flow)
    } catch (err) {
      this.#log.warn({ err, flow }, 'telemetry could not be removed')
    }
  }

  close(): void {
    this.save()
    this.#isClosed = true
    this.#store.close()
  }
}

/** For a status: only where there is something to tell. */
export function refusedOf(telemetry: Telemetry, flow: string): { telemetryRefused?: Record<string, number> } {
  const refused = telemetry.refused(flow)
  return Object.keys(refused).length > 0 ? { telemetryRefused: { ...refused } } : {}
}
