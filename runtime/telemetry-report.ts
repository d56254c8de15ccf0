/** The message at `topics.telemetry`, QoS 0, once a second, counters since the host started. */
export interface TelemetryReport {
  v: 1
  host: string
  at: string
  /** Since the start of the process, ms, by a clock that does not jump: rates are taken over it. */
  upMs: number
  recordsIn: number
  recordsOut: number
  bytesIn: number
  bytesOut: number
  /** Records dropped because they had been finished before. */
  repeats: number
  retries: number
  deadLetters: number
  /** Messages that were nothing of ours: a foreign client's. */
  rejected: number
  /** Records that a source dropped because of `overflow`. */
  dropped: number
  /** Records taken in and not finished yet. */
  inFlight: number
  /** By consumer: records sent to it that it has not finished yet. */
  backlog: Record<string, number>
  /** Time in the handler since the start, ms, and the number of calls. */
  handlerMs: number
  calls: number
  /** Event time of the last finished record to now, ms. */
  latencyMs?: number
  /** Partitions taken over since the start. What one that was lost or handed over had sent is not in `backlog`. */
  takeovers: number
  /** The last report of a host that leaves in peace. */
  leaving?: true
  /** Time since the start in which the event loop had something to do, waiting for the processor included. */
  activeMs: number
  cpuMs: number
  residentBytes: number
  /** Round trip to the broker, ms. */
  brokerRttMs?: number
}
