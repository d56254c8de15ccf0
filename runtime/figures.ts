import type { Counters } from './counters.ts'
import type { EdgeReport, FiguresReport, Flown, RoundTrips } from './figures-report.ts'
import type { Inflight } from './inflight.ts'
import { Latencies } from './latencies.ts'

interface Edge extends Flown {
  latencies: Latencies
}

/** Of a PUBLISH with QoS 1 and up to 16 KiB [MQTT 3.3]: what is before and between topic and payload. */
const headerBytes = 7

/** What a host measures between two reports: by message, not by record, so that a record costs nothing more. */
export class Figures {
  #edges = new Map<string, Edge>()
  #in: Flown | undefined
  #out: Flown | undefined
  #roundTrips = new Map<string, RoundTrips>()
  #since = performance.now()
  #before = totalsOf({ calls: 0, handlerMs: 0 })
  #n = 0

  /** Messages that have had their effect. Timers, retries and letters that are handled again came over no edge. */
  handled(batch: readonly Inflight[], now: number) {
    for (const { from, lane, taken, first, time, bytes } of batch) {
      if (from === undefined || lane === 'replay') continue
      let edge = this.#edges.get(from)
      if (!edge) {
        edge = { records: 0, bytes: 0, latencies: new Latencies() }
        this.#edges.set(from, edge)
      }
      edge.records += taken
      edge.bytes += bytes + headerBytes
      const later = taken >> 1
      if (taken > later) edge.latencies.add(now - first, taken - later)
      if (later > 0) edge.latencies.add(now - time, later)
    }
  }

  cameIn(bytes: number) {
    this.#in ??= { records: 0, bytes: 0 }
    this.#in.records += 1
    this.#in.bytes += bytes
  }

  wentOut(bytes: number) {
    this.#out ??= { records: 0, bytes: 0 }
    this.#out.records += 1
    this.#out.bytes += bytes
  }

  /** @param broker `mqtt://host:port` */
  wentRound(broker: string, ms: number) {
    const before = this.#roundTrips.get(broker)
    const count = (before?.count ?? 0) + 1
    const meanMs = before ? before.meanMs + (ms - before.meanMs) / count : ms
    const minMs = Math.min(ms, before?.minMs ?? ms)
    this.#roundTrips.set(broker, { count, minMs, meanMs, maxMs: Math.max(ms, before?.maxMs ?? ms) })
  }

  /** All since the last time. */
  report(host: string, counters: Counters, backlog: Record<string, number>): FiguresReport {
    const now = performance.now()
    const totals = totalsOf(counters)
    const before = this.#before
    const outside = { ...(this.#in && { in: this.#in }), ...(this.#out && { out: this.#out }) }
    this.#n += 1
    const report: FiguresReport = {
      v: 1,
      host,
      process: performance.timeOrigin,
      n: this.#n,
      at: new Date(Date.now()).toISOString(),
      upMs: now,
      windowMs: now - this.#since,
      edges: Object.fromEntries([...this.#edges].map(([from, edge]) => [from, edgeReport(edge)])),
      ...(Object.keys(outside).length > 0 && { outside }),
      backlog,
      calls: totals.calls - before.calls,
      handlerMs: totals.handlerMs - before.handlerMs,
      activeMs: totals.activeMs - before.activeMs,
      cpuMs: totals.cpuMs - before.cpuMs,
      residentBytes: process.memoryUsage.rss(),
      roundTrips: Object.fromEntries(this.#roundTrips),
    }
    this.#since = now
    this.#before = totals
    // Edges stay: one on which nothing came has a rate of 0, which is not the same as none that is known.
    for (const [from] of this.#edges)
      this.#edges.set(from, { records: 0, bytes: 0, latencies: new Latencies() })
    if (this.#in) this.#in = { records: 0, bytes: 0 }
    if (this.#out) this.#out = { records: 0, bytes: 0 }
    this.#roundTrips.clear()
    return report
  }
}

function totalsOf({ calls, handlerMs }: Pick<Counters, 'calls' | 'handlerMs'>) {
  const { user, system } = process.cpuUsage()
  const { active } = performance.eventLoopUtilization()
  return { calls, handlerMs, activeMs: active, cpuMs: (user + system) / 1000 }
}

function edgeReport({ records, bytes, latencies }: Edge): EdgeReport {
  const { negative, absurd } = latencies
  const latency = latencies.bins()
  return {
    records,
    bytes,
    ...(latency && { latency }),
    ...(negative > 0 && { negative }),
    ...(absurd > 0 && { absurd }),
  }
}
