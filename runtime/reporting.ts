import { topics } from '../schema/topics.ts'
import type { Counters } from './counters.ts'
import type { Outside } from './outside.ts'
import { reportOf } from './telemetry.ts'
import type { Connection, RoundTrip, Transport } from './transport.ts'

interface ReportingOptions {
  flow: string
  node: string
  host: string
  counters: Counters
  transport: Transport
  outside: Partial<Pick<Outside, 'roundTrip'>>
  /** The one that presence is told through; undefined while there is none. */
  connection(): Connection | undefined
  backlog(): Record<string, number>
  /** Of state in the broker. */
  storedBytes(): number
  /** Between two reports of figures. */
  figuresMs?: number
}

const telemetryMs = 1_000
const defaultFiguresMs = 5_000

/** Tells the controller what a host has counted and measured. What is lost on the way is no harm. */
export class Reporting {
  #options: ReportingOptions
  #timers: NodeJS.Timeout[] = []
  #rttMs: number | undefined
  #isAsking = false

  constructor(options: ReportingOptions) {
    this.#options = options
  }

  start() {
    const { figuresMs = defaultFiguresMs } = this.#options
    this.#timers = [
      setInterval(() => this.#count(false), telemetryMs),
      setInterval(() => this.#figure(false), figuresMs),
    ]
  }

  pause() {
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** The last reports. */
  leave() {
    this.#count(true)
    this.#figure(true)
  }

  #count(leaving: boolean) {
    const { flow, node, host, counters, backlog, transport, connection } = this.#options
    const report = reportOf(host, counters, backlog(), this.#rttMs)
    this.#send(topics.telemetry(flow, node, host), { ...report, ...(leaving && { leaving }) })
    connection()
      ?.ping()
      .then(ms => {
        this.#rttMs = ms
        if (transport.broker !== undefined) counters.figures.wentRound(transport.broker, ms)
      })
      .catch(() => {})
  }

  #figure(leaving: boolean) {
    const { flow, node, host, counters, backlog, storedBytes } = this.#options
    const report = { ...counters.figures.report(host, counters, backlog()), storedBytes: storedBytes() }
    this.#send(topics.figures(flow, node, host), { ...report, ...(leaving && { leaving }) })
    if (!leaving) void this.#askOutside()
  }

  async #askOutside() {
    const { counters, outside, transport } = this.#options
    if (this.#isAsking) return
    this.#isAsking = true
    const trip: RoundTrip | undefined = await outside.roundTrip?.().catch(() => undefined)
    if (trip && trip.broker !== transport.broker) counters.figures.wentRound(trip.broker, trip.ms)
    this.#isAsking = false
  }

  #send(topic: string, report: object) {
    this.#options
      .connection()
      ?.publish(topic, JSON.stringify(report), { qos: 0 })
      .catch(() => {})
  }
}
