import type { Moments } from '../../controller/telemetry/moments.ts'
import { momentsOf } from '../../controller/telemetry/moments.ts'
import type { Window } from '../../controller/telemetry/window.ts'
import type { FiguresReport } from '../../runtime/figures-report.ts'
import { Latencies } from '../../runtime/latencies.ts'

/** A report as a host sends it: five seconds in which `records` came over one edge, each after so many ms. */
export function figuresReport(
  host: string,
  n: number,
  {
    from,
    records = 0,
    latencyMs = 5,
    at = Date.now(),
    ...more
  }: {
    from?: string
    records?: number
    latencyMs?: number
    at?: number
  } & Partial<Omit<FiguresReport, 'at'>> = {},
): FiguresReport {
  const latencies = new Latencies()
  if (records > 0) latencies.add(latencyMs, records)
  const latency = latencies.bins()
  const edge = { records, bytes: records * 100, ...(latency && { latency }) }
  return {
    v: 1,
    host,
    process: 1,
    n,
    at: new Date(at).toISOString(),
    upMs: n * 5_000,
    windowMs: 5_000,
    edges: from === undefined ? {} : { [from]: edge },
    backlog: {},
    calls: records,
    handlerMs: records * 2,
    activeMs: 500,
    cpuMs: 400,
    residentBytes: 5e7,
    roundTrips: { 'mqtt://broker:1883': { count: 5, minMs: 4, meanMs: 5, maxMs: 9 } },
    ...more,
  }
}

/** Ten seconds in which `records` came from `in` to `f`. */
export function windowOf(start: number, records: number, lengthMs = 10_000): Window {
  const perSecond: Moments = momentsOf((records * 1000) / lengthMs)
  return {
    v: 1,
    start,
    lengthMs,
    edges: {
      f: {
        in: {
          records,
          bytes: 100 * records,
          recordsPerSecond: perSecond,
          latency: { zeros: 0, first: 10, counts: [records] },
        },
      },
    },
    functions: {},
    outside: {},
    roundTripMs: {},
    refused: {},
  }
}
