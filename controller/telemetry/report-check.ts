import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FiguresReport } from '../../runtime/figures-report.ts'
import { countIn } from './latency-bins.ts'
import { reportSchema } from './report-schema.ts'

/** Why a report is not used. */
export type Refusal =
  /** Larger than any of ours. */
  | 'too-large'
  /** No JSON, or not of the shape: a number that is negative or infinite, a field that is missing. */
  | 'malformed'
  /** Of a host that the broker knows nothing of, or that is not the one of the topic. */
  | 'foreign'
  /** Not newer than the last one of its host. */
  | 'outdated'
  /** It can't be: parts that don't add up. */
  | 'contradictory'
  /** More than any machine does. */
  | 'implausible'
  /** More reports than a host sends. */
  | 'too-many'

const maxBytes = 512 * 1024
/** In ten seconds: two are sent. */
const maxReports = 10
const maxRecordsPerMs = 10_000
/** 100 Gbit/s. */
const maxBytesPerMs = 12_500_000
const maxCores = 1_024
const maxHeldBytes = 2 ** 44
/** That a host has run, that a broker takes to answer, and of all calls of one report. */
const [maxUpMs, maxTripMs, maxHandlerMs] = [100 * 365 * 86_400_000, 600_000, 1e20]
/** Clocks that round, and what a report itself takes. */
const toleranceMs = 100

const validate = new Ajv2020().compile<FiguresReport>(reportSchema)

interface Heard {
  process: number
  n: number
  upMs: number
  /** Since the last `next`. */
  reports: number
}

/** Takes reports of hosts for what they may be: anybody's, of any content. */
export class ReportCheck {
  #heard = new Map<string, Heard>()

  /** @param host of the topic @param isKnown whether the broker knows it as one of this function's */
  read(host: string, payload: Buffer, isKnown: boolean): { report: FiguresReport } | { refusal: Refusal } {
    if (!isKnown) return { refusal: 'foreign' }
    if (payload.length > maxBytes) return { refusal: 'too-large' }
    const report = parse(payload)
    if (!report) return { refusal: 'malformed' }
    const before = this.#heard.get(host)
    const refusal = this.#refusal(host, report, before)
    if (refusal) return { refusal }
    const { process, n, upMs } = report
    this.#heard.set(host, { process, n, upMs, reports: (before?.reports ?? 0) + 1 })
    return { report }
  }

  /** Another ten seconds. */
  next(): void {
    for (const heard of this.#heard.values()) heard.reports = 0
  }

  forget(host: string): void {
    this.#heard.delete(host)
  }

  #refusal(host: string, report: FiguresReport, before: Heard | undefined): Refusal | undefined {
    if (report.host !== host) return 'foreign'
    if (before && before.reports >= maxReports) return 'too-many'
    const last = before?.process === report.process ? before : undefined
    if (last && (report.n <= last.n || report.upMs <= last.upMs)) return 'outdated'
    if (!addsUp(report, last)) return 'contradictory'
    return isPlausible(report) ? undefined : 'implausible'
  }
}

function parse(payload: Buffer): FiguresReport | undefined {
  try {
    const document: unknown = JSON.parse(payload.toString())
    return validate(document) && Number.isFinite(Date.parse(document.at)) ? document : undefined
  } catch {
    return undefined
  }
}

function addsUp(report: FiguresReport, before: Heard | undefined): boolean {
  const { windowMs, upMs, activeMs, edges, roundTrips, calls, handlerMs } = report
  if (windowMs > upMs - (before?.upMs ?? 0) + toleranceMs || activeMs > windowMs + toleranceMs) return false
  // No call has lasted longer than there was somebody to make it.
  if (handlerMs > (calls + 1) * (upMs + toleranceMs)) return false
  const areCounted = Object.values(edges).every(({ records, bytes, latency, negative = 0, absurd = 0 }) => {
    const timed = (latency ? countIn(latency) : 0) + negative + absurd
    return timed === records && bytes >= records
  })
  const trips = Object.values(roundTrips)
  const slackMs = 1e-6
  return (
    areCounted &&
    trips.every(({ minMs, meanMs, maxMs }) => minMs <= meanMs + slackMs && meanMs <= maxMs + slackMs)
  )
}

function isPlausible({ windowMs, cpuMs, edges, outside, calls, ...report }: FiguresReport): boolean {
  const ms = Math.max(windowMs, 1_000)
  const flown = [...Object.values(edges), ...Object.values(outside ?? {})]
  const fits = flown.every(
    ({ records, bytes }) => records <= maxRecordsPerMs * ms && bytes <= maxBytesPerMs * ms,
  )
  const { residentBytes, storedBytes = 0, upMs, roundTrips } = report
  if (
    upMs > maxUpMs ||
    report.handlerMs > maxHandlerMs ||
    Object.values(roundTrips).some(({ maxMs }) => maxMs > maxTripMs)
  )
    return false
  const areHeld = Math.max(residentBytes, storedBytes) <= maxHeldBytes
  return fits && areHeld && calls <= maxRecordsPerMs * ms && cpuMs <= maxCores * ms
}
