import type { FiguresReport, Flown } from '../../runtime/figures-report.ts'
import type { NodeUse } from '../orchestrator/orchestrator.ts'
import { maxDisagreementMs } from './clocks.ts'
import { mergeBins } from './latency-bins.ts'
import { type Moments, mergeMoments, momentsOf } from './moments.ts'
import {
  type EdgeWindow,
  type FunctionWindow,
  given,
  mergeNodes,
  type NodeWindow,
  type RateWindow,
  type Window,
} from './window.ts'

/** A report, and what its sender could not know. */
export interface Placed {
  /** Name of the function, source or sink. */
  name: string
  /** Name of the node that the host runs on. */
  place: string
  /** Between the host's clock and those of the sources above it, ms. */
  clockErrorMs: number
  report: FiguresReport
}

/** Ten seconds of a dataflow while they last. */
export class Slot {
  readonly start: number
  #byHost = new Map<string, Placed[]>()
  #nodes: Record<string, NodeWindow> = {}
  #refused: Record<string, number> = {}

  /** @param start ms since the epoch */
  constructor(start: number) {
    this.start = start
  }

  add(placed: Placed): void {
    const { host } = placed.report
    const reports = this.#byHost.get(host)
    if (reports) reports.push(placed)
    else this.#byHost.set(host, [placed])
  }

  /** One more sample of what a node's programs take. */
  use(node: string, { cpuMillis, memoryBytes }: Pick<NodeUse, 'cpuMillis' | 'memoryBytes'>): void {
    const sample = { cpuMillis: momentsOf(cpuMillis), memoryBytes: momentsOf(memoryBytes) }
    const before = this.#nodes[node]
    this.#nodes[node] = before ? mergeNodes(before, sample) : sample
  }

  refuse(reason: string, count = 1): void {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + count
  }

  /** Those that go on: each should report in the next ten seconds too. By host: its function. */
  staying(): Map<string, string> {
    const hosts = [...this.#byHost].filter(([, reports]) => !reports.at(-1)!.report.leaving)
    return new Map(hosts.map(([host, reports]) => [host, reports[0]!.name]))
  }

  /** @param end ms since the epoch @param expected hosts that went on in the slot before */
  close(end: number, expected: ReadonlyMap<string, string>): Window {
    const window: Window = {
      v: 1,
      start: this.start,
      lengthMs: end - this.start,
      edges: {},
      functions: {},
      outside: {},
      roundTripMs: {},
      ...(Object.keys(this.#nodes).length > 0 && { nodes: this.#nodes }),
      refused: this.#refused,
    }
    const missing = [...expected].filter(([host]) => !this.#byHost.has(host)).map(([, name]) => name)
    for (const [name, hosts] of this.#byFunction()) {
      const isSettled = !missing.includes(name) && hosts.every(isSteady)
      addFunction(window, name, hosts)
      addEdges(window, name, hosts, isSettled)
      addOutside(window, name, hosts, isSettled)
      addRoundTrips(window, hosts)
    }
    this.#addLags(window)
    return window
  }

  #byFunction(): Map<string, Placed[][]> {
    const functions = new Map<string, Placed[][]>()
    for (const reports of this.#byHost.values()) {
      const { name } = reports[0]!
      functions.set(name, [...(functions.get(name) ?? []), reports])
    }
    return functions
  }

  /** What producers say at the end of their last reports, of consumers that are known. */
  #addLags({ edges }: Window) {
    const lags = new Map<EdgeWindow, number>()
    for (const reports of this.#byHost.values()) {
      const { name, report } = reports.at(-1)!
      if (report.leaving) continue
      for (const [consumer, records] of Object.entries(report.backlog))
        for (const [from, edge] of Object.entries(edges[consumer] ?? {}))
          if (from.split('.')[0] === name) lags.set(edge, (lags.get(edge) ?? 0) + records)
    }
    for (const [edge, records] of lags) edge.lagRecords = momentsOf(records)
  }
}

/** Neither its first report nor its last one is among them. */
const isSteady = (reports: Placed[]) =>
  reports.every(({ report }) => report.n > 1 && report.leaving === undefined)

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
const total = (reports: Placed[], of: (report: FiguresReport) => number) =>
  sum(reports.map(({ report }) => of(report)))

function addFunction({ functions }: Window, name: string, hosts: Placed[][]) {
  const places: Record<string, FunctionWindow> = {}
  for (const reports of hosts) {
    const { place, report: last } = reports.at(-1)!
    const ms = total(reports, ({ windowMs }) => windowMs)
    const before = places[place]
    const one = (value: number, moments?: Moments) => mergeMoments(moments, momentsOf(value))!
    places[place] = {
      hosts: momentsOf((before?.hosts.mean ?? 0) + 1),
      calls: (before?.calls ?? 0) + total(reports, ({ calls }) => calls),
      handlerMs: (before?.handlerMs ?? 0) + total(reports, ({ handlerMs }) => handlerMs),
      cpuMillis: one((1000 * total(reports, ({ cpuMs }) => cpuMs)) / ms, before?.cpuMillis),
      residentBytes: one(last.residentBytes, before?.residentBytes),
      ...given(
        'storedBytes',
        last.storedBytes === undefined
          ? before?.storedBytes
          : mergeMoments(before?.storedBytes, momentsOf(last.storedBytes)),
      ),
      busy: one(Math.min(1, total(reports, ({ activeMs }) => activeMs) / ms), before?.busy),
    }
  }
  functions[name] = places
}

/** @param flown by host: what of each of its reports counts */
function rates(hosts: Placed[][], flown: (report: FiguresReport) => Flown | undefined, isSettled: boolean) {
  let [records, bytes, recordsPerSecond, bytesPerSecond] = [0, 0, 0, 0]
  for (const reports of hosts) {
    const seconds = total(reports, ({ windowMs }) => windowMs) / 1000
    const own = total(reports, report => flown(report)?.records ?? 0)
    const ownBytes = total(reports, report => flown(report)?.bytes ?? 0)
    records += own
    bytes += ownBytes
    recordsPerSecond += own / seconds
    bytesPerSecond += ownBytes / seconds
  }
  const all: RateWindow = { records, bytes }
  if (!isSettled) return all
  return {
    ...all,
    recordsPerSecond: momentsOf(recordsPerSecond),
    bytesPerSecond: momentsOf(bytesPerSecond),
  }
}

function addEdges({ edges }: Window, name: string, hosts: Placed[][], isSettled: boolean) {
  const inputs = new Set(hosts.flat().flatMap(({ report }) => Object.keys(report.edges)))
  for (const from of inputs) {
    edges[name] ??= {}
    edges[name][from] = {
      ...rates(hosts, report => report.edges[from], isSettled),
      ...latenciesOf(hosts.flat(), from),
    }
  }
}

function latenciesOf(reports: Placed[], from: string): Omit<EdgeWindow, keyof RateWindow> {
  let latency: EdgeWindow['latency']
  const ignored = { negative: 0, absurd: 0, clocks: 0 }
  let error = 0
  for (const { report, clockErrorMs } of reports) {
    const edge = report.edges[from]
    if (!edge) continue
    ignored.negative += edge.negative ?? 0
    ignored.absurd += edge.absurd ?? 0
    if (clockErrorMs > maxDisagreementMs)
      ignored.clocks += edge.records - (edge.negative ?? 0) - (edge.absurd ?? 0)
    else if (edge.latency) {
      latency = mergeBins(latency, edge.latency)
      error = Math.max(error, clockErrorMs)
    }
  }
  return {
    ...given('latency', latency),
    ...(latency && { clockErrorMs: error }),
    ...(Object.values(ignored).some(count => count > 0) && { ignored }),
  }
}

function addOutside({ outside }: Window, name: string, hosts: Placed[][], isSettled: boolean) {
  for (const way of ['in', 'out'] as const) {
    if (!hosts.flat().some(({ report }) => report.outside?.[way])) continue
    outside[name] ??= {}
    outside[name][way] = rates(hosts, report => report.outside?.[way], isSettled)
  }
}

function addRoundTrips({ roundTripMs }: Window, hosts: Placed[][]) {
  for (const { place, report } of hosts.flat()) {
    for (const [broker, { minMs }] of Object.entries(report.roundTrips)) {
      roundTripMs[place] ??= {}
      roundTripMs[place][broker] = mergeMoments(roundTripMs[place][broker], momentsOf(minMs))!
    }
  }
}
