import type { LatencyBins } from '../../runtime/latencies.ts'
import { mergeBins } from './latency-bins.ts'
import { type Moments, mergeMoments } from './moments.ts'

/** What was measured of a dataflow in one stretch of time. Rates have one sample for each ten seconds. */
export interface Window {
  v: 1
  /** By the controller's clock, ms since the epoch. */
  start: number
  lengthMs: number
  /** By consumer, and by its input: `parse`, or `average.hot`. */
  edges: Table<EdgeWindow>
  /** By function, source or sink, and by the node that hosts of it ran on. */
  functions: Table<FunctionWindow>
  /** By source or sink. */
  outside: Record<string, { in?: RateWindow; out?: RateWindow }>
  /** By node, and by broker as `mqtt://host:port`: one sample for each host and report, the least of its round trips. */
  roundTripMs: Table<Moments>
  /** By node: what all its programs took, one sample for each that was told. Absent: nobody told. */
  nodes?: Record<string, NodeWindow>
  /** By reason: reports that were not used. */
  refused: Record<string, number>
}

export interface NodeWindow {
  cpuMillis: Moments
  memoryBytes: Moments
}

export type Table<T> = Record<string, Record<string, T>>

export interface RateWindow {
  records: number
  bytes: number
  /** Absent while hosts came or went, or did not report. */
  recordsPerSecond?: Moments
  bytesPerSecond?: Moments
}

export interface EdgeWindow extends RateWindow {
  latency?: LatencyBins
  /** Records whose latency says nothing: negative, over a day, or between hosts whose clocks disagree. */
  ignored?: { negative: number; absurd: number; clocks: number }
  /** By how much the clocks that `latency` was taken with disagreed at most. */
  clockErrorMs?: number
  /** Records sent and not finished, on all edges between the two. */
  lagRecords?: Moments
}

export interface FunctionWindow {
  hosts: Moments
  calls: number
  handlerMs: number
  /** One sample for each host and ten seconds. */
  cpuMillis: Moments
  residentBytes: Moments
  /** Of state that the broker has for a host, about. Absent: no host said so. */
  storedBytes?: Moments
  /** Share of the time in which the event loop had something to do. */
  busy: Moments
}

/** Both as one. Pure. @param b the later one */
export function mergeWindows(a: Window, b: Window): Window {
  const start = Math.min(a.start, b.start)
  const end = Math.max(a.start + a.lengthMs, b.start + b.lengthMs)
  return {
    v: 1,
    start,
    lengthMs: end - start,
    edges: mergeTables(a.edges, b.edges, mergeEdges),
    functions: mergeTables(a.functions, b.functions, mergeFunctions),
    outside: mergeRecords(a.outside, b.outside, (x, y) => ({
      ...given('in', x.in && y.in ? mergeRates(x.in, y.in) : (x.in ?? y.in)),
      ...given('out', x.out && y.out ? mergeRates(x.out, y.out) : (x.out ?? y.out)),
    })),
    roundTripMs: mergeTables(a.roundTripMs, b.roundTripMs, (x, y) => mergeMoments(x, y)!),
    ...((a.nodes || b.nodes) && { nodes: mergeRecords(a.nodes ?? {}, b.nodes ?? {}, mergeNodes) }),
    refused: mergeRecords(a.refused, b.refused, (x, y) => x + y),
  }
}

/** A property, unless there is no value. */
export const given = <K extends string, T>(key: K, value: T | undefined) =>
  (value === undefined ? {} : { [key]: value }) as { [key in K]?: T }

const mergeRates = (a: RateWindow, b: RateWindow): RateWindow => ({
  records: a.records + b.records,
  bytes: a.bytes + b.bytes,
  ...given('recordsPerSecond', mergeMoments(a.recordsPerSecond, b.recordsPerSecond)),
  ...given('bytesPerSecond', mergeMoments(a.bytesPerSecond, b.bytesPerSecond)),
})

function mergeEdges(a: EdgeWindow, b: EdgeWindow): EdgeWindow {
  const [x, y] = [a.ignored ?? none, b.ignored ?? none]
  const clockErrorMs = Math.max(a.clockErrorMs ?? 0, b.clockErrorMs ?? 0)
  return {
    ...mergeRates(a, b),
    ...given('latency', mergeBins(a.latency, b.latency)),
    ...((a.ignored || b.ignored) && {
      ignored: {
        negative: x.negative + y.negative,
        absurd: x.absurd + y.absurd,
        clocks: x.clocks + y.clocks,
      },
    }),
    ...((a.clockErrorMs ?? b.clockErrorMs) !== undefined && { clockErrorMs }),
    ...given('lagRecords', mergeMoments(a.lagRecords, b.lagRecords)),
  }
}

const none = { negative: 0, absurd: 0, clocks: 0 }

const mergeFunctions = (a: FunctionWindow, b: FunctionWindow): FunctionWindow => ({
  hosts: mergeMoments(a.hosts, b.hosts)!,
  calls: a.calls + b.calls,
  handlerMs: a.handlerMs + b.handlerMs,
  cpuMillis: mergeMoments(a.cpuMillis, b.cpuMillis)!,
  residentBytes: mergeMoments(a.residentBytes, b.residentBytes)!,
  ...given('storedBytes', mergeMoments(a.storedBytes, b.storedBytes)),
  busy: mergeMoments(a.busy, b.busy)!,
})

export const mergeNodes = (a: NodeWindow, b: NodeWindow): NodeWindow => ({
  cpuMillis: mergeMoments(a.cpuMillis, b.cpuMillis)!,
  memoryBytes: mergeMoments(a.memoryBytes, b.memoryBytes)!,
})

const mergeTables = <T>(a: Table<T>, b: Table<T>, merge: (a: T, b: T) => T): Table<T> =>
  mergeRecords(a, b, (x, y) => mergeRecords(x, y, merge))

function mergeRecords<R extends Record<string, unknown>>(
  a: R,
  b: R,
  merge: (a: R[string], b: R[string]) => R[string],
): R {
  const merged: Record<string, unknown> = { ...a }
  for (const [key, value] of Object.entries(b) as [string, R[string]][])
    merged[key] = Object.hasOwn(merged, key) ? merge(merged[key] as R[string], value) : value
  return merged as R
}
