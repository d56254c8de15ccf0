import type { LatencyBins } from './latencies.ts'

/** The message at `topics.figures`, QoS 0, every five seconds: what one host measured since the one before. */
export interface FiguresReport {
  v: 1
  host: string
  /** What tells the process from others of the same host. */
  process: number
  /** Grows by one with each report of the process. */
  n: number
  /** By the host's own clock. */
  at: string
  /** Since the start of the process, ms, by a clock that does not jump. */
  upMs: number
  /** Since the report before. All counts are of this time. */
  windowMs: number
  /** The last report of a host that leaves in peace. */
  leaving?: true
  /** By input, `parse` or `average.hot`: what was handled, with all its effects. */
  edges: Record<string, EdgeReport>
  /** To and from the world outside the graph. */
  outside?: { in?: Flown; out?: Flown }
  /** By consumer: records sent to it that it has not finished, at the end. */
  backlog: Record<string, number>
  calls: number
  handlerMs: number
  /** In which the event loop had something to do. */
  activeMs: number
  cpuMs: number
  /** At the end. */
  residentBytes: number
  /** Of state that the broker has for partitions of the host, about, at the end. */
  storedBytes?: number
  /** By broker, as `mqtt://host:port`. */
  roundTrips: Record<string, RoundTrips>
}

export interface Flown {
  records: number
  bytes: number
}

/** Bytes are those of messages as the broker sends them; what acknowledges them is not among them. */
export interface EdgeReport extends Flown {
  /** From the event time of a record, or from when it entered the graph, until it was handled: by message, those of its
   *  first and of its last record. */
  latency?: LatencyBins
  /** Records whose latency was negative, or over a day: clocks that disagree, or data of another time. */
  negative?: number
  absurd?: number
}

export interface RoundTrips {
  count: number
  minMs: number
  meanMs: number
  maxMs: number
}
