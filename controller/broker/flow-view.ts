import type { Presence } from '../../runtime/presence.ts'
import type { TelemetryReport } from '../../runtime/telemetry-report.ts'
import { topics } from '../../schema/topics.ts'
import type { Wiring } from '../../schema/wiring.ts'

const quietMs = 60
/** Figures that are kept for whoever asks, once a second: far more than come. */
const maxFigures = 10_000
const maxFigureBytes = 32 * 1024 * 1024
/** For a broker that has not brought all that is known to be there: it may be busy. */
const patienceMs = 2_000
const retryMs = 500

/** A report of figures, as it came. */
export interface FigureMessage {
  node: string
  host: string
  payload: Buffer
  /** ms since the epoch, by a clock that does not jump. */
  receivedAt: number
}

/** One flow as the broker shows it: wiring and presences are retained, telemetry passes by. */
export class FlowView {
  readonly flow: string
  /** By node of the graph. */
  readonly wirings = new Map<string, Wiring>()
  /** By host. */
  readonly presences = new Map<string, Presence>()
  /** By host: the node of the graph that it runs. */
  readonly nodes = new Map<string, string>()
  /** When each host was last heard of, by the clock of `performance.now()`. */
  readonly heard = new Map<string, number>()
  /** When the view became complete, by the same clock. */
  completeSince = 0
  #reports = new Map<string, { node: string; payload: Buffer }>()
  #before = new Map<string, Buffer>()
  #figures: FigureMessage[] = []
  #figureBytes = 0
  #lostFigures = 0
  #onChange: () => void
  #round = 0
  /** Documents that arrived since the last reconnect. */
  #seen = new Set<unknown>()
  #synchronised = Promise.withResolvers<void>()
  #complete = false
  #quiet?: NodeJS.Timeout
  #wired: ReadonlySet<string> = new Set()
  /** What was published since we subscribed: what is retained and comes later is older. */
  #live = new Set<string>()
  /** By node: the wiring of ours that the broker has yet to bring back. */
  #awaited = new Map<string, string>()

  constructor(flow: string, onChange: () => void) {
    this.flow = flow
    this.#onChange = onChange
  }

  static retained = (flow: string) => [topics.wirings(flow), topics.hosts(flow)]

  static filters = (flow: string) => [
    ...FlowView.retained(flow),
    topics.telemetries(flow),
    topics.figuresOf(flow),
  ]

  /** Resolves when all that was retained has arrived; anew after each reconnect. */
  get synchronised(): Promise<void> {
    return this.#synchronised.promise
  }

  /** Nodes whose wiring was published once: the view is not complete without it, unless the broker has lost it. */
  expect(nodes: Iterable<string>): void {
    this.#wired = new Set(nodes)
  }

  /** Newest telemetry by host; parsed only when asked for, since it comes once a second from every host. */
  reports(): Map<string, { node: string; report: TelemetryReport }> {
    const reports = new Map<string, { node: string; report: TelemetryReport }>()
    for (const [host, { node, payload }] of this.#reports) {
      const report = parse<TelemetryReport>(payload)
      if (report) reports.set(host, { node, report })
    }
    return reports
  }

  /** Records that each node sent per second, between the last two reports of its hosts. */
  rates(): Map<string, number> {
    const rates = new Map<string, number>()
    for (const [host, { node, report }] of this.reports()) {
      const payload = this.#before.get(host)
      const before = payload && parse<TelemetryReport>(payload)
      if (!before) continue
      const seconds = (report.upMs - before.upMs) / 1000
      if (seconds > 0)
        rates.set(node, (rates.get(node) ?? 0) + (report.recordsOut - before.recordsOut) / seconds)
    }
    return rates
  }

  /** Reports of figures since the last time, oldest first. `lost`: those that nobody asked for in time. */
  takeFigures(): { messages: FigureMessage[]; lost: number } {
    const taken = { messages: this.#figures, lost: this.#lostFigures }
    this.#figures = []
    this.#figureBytes = 0
    this.#lostFigures = 0
    return taken
  }

  /** Forgets what a host reported once it is gone for good. */
  forget(host: string): void {
    this.#reports.delete(host)
    this.#before.delete(host)
    this.heard.delete(host)
    this.nodes.delete(host)
    this.#live.delete(`hosts/${host}`)
  }

  /** Subscribes, and drops what was known before and isn't brought again: what changed while we were away.
   *  Nothing in MQTT says that the last retained message has come; a short silence does. */
  synchronise(subscribe: () => Promise<void>): void {
    const round = ++this.#round
    if (this.#complete) this.#synchronised = Promise.withResolvers()
    this.#complete = false
    this.#seen.clear()
    this.#live.clear()
    this.#awaited.clear()
    subscribe().then(
      () => round === this.#round && this.#waitForSilence(),
      () => setTimeout(() => round === this.#round && this.synchronise(subscribe), retryMs).unref(),
    )
  }

  /** Knows a wiring of ours as soon as the broker has it, and whatever is still on its way back to us. A plan made on
   *  the one before would give its revision to another wiring, and hosts keep to the first that they get: a stream
   *  would never be written. */
  async publish(node: string, wiring: Wiring, send: (payload: string) => Promise<void>): Promise<void> {
    const payload = JSON.stringify(wiring)
    this.#awaited.set(node, payload)
    try {
      await send(payload)
    } catch (error) {
      this.#awaited.delete(node)
      throw error
    }
    this.#live.add(`wiring/${node}`)
    this.#set(this.wirings, node, wiring)
  }

  /** @param isRetained it was there before we subscribed */
  take(topic: string, payload: Buffer, isRetained = false): void {
    const [, , kind, node, host] = topic.split('/') as [string, string, string, string, string?]
    if (kind === 'telemetry' && host !== undefined) {
      this.heard.set(host, performance.now())
      const last = this.#reports.get(host)
      if (last) this.#before.set(host, last.payload)
      this.#reports.set(host, { node, payload })
      return
    }
    if (kind === 'wiring' && this.#awaited.has(node)) {
      if (payload.toString() !== this.#awaited.get(node)) return
      this.#awaited.delete(node)
    }
    if (kind === 'figures' && host !== undefined) {
      this.#keepFigures(node, host, payload)
      return
    }
    const place = `${kind}/${host ?? node}`
    if (!isRetained) this.#live.add(place)
    else if (this.#live.has(place)) return
    const before = kind === 'wiring' ? this.wirings.get(node) : this.presences.get(host ?? '')
    if (this.#complete && isRetained && payload.toString() === JSON.stringify(before)) return // looked up again
    if (kind === 'wiring') this.#set(this.wirings, node, parse<Wiring>(payload))
    if (kind === 'hosts' && host !== undefined) {
      this.nodes.set(host, node)
      if (payload.length > 0) this.heard.set(host, performance.now()) // a last will is no sign of life
      this.#set(this.presences, host, parse<Presence>(payload))
    }
    if (this.#complete) this.#onChange()
    else if (this.#quiet && isRetained) this.#waitForSilence()
  }

  #keepFigures(node: string, host: string, payload: Buffer) {
    const bytes = this.#figureBytes + payload.length
    if (this.#figures.length >= maxFigures || bytes > maxFigureBytes) {
      this.#lostFigures += 1
      return
    }
    this.#figureBytes = bytes
    this.#figures.push({ node, host, payload, receivedAt: performance.timeOrigin + performance.now() })
  }

  #set<T>(map: Map<string, T>, key: string, value: T | undefined) {
    if (!this.#complete) this.#seen.add(value)
    if (value) map.set(key, value)
    else map.delete(key)
  }

  #waitForSilence() {
    clearTimeout(this.#quiet)
    const brought = (node: string) => this.#seen.has(this.wirings.get(node))
    this.#quiet = setTimeout(
      () => {
        this.#quiet = undefined
        for (const [node, wiring] of this.wirings) if (!this.#seen.has(wiring)) this.wirings.delete(node)
        for (const [host, presence] of this.presences)
          if (!this.#seen.has(presence)) this.presences.delete(host)
        this.#seen.clear()
        this.#complete = true
        this.completeSince = performance.now()
        this.#synchronised.resolve()
        this.#onChange()
      },
      [...this.#wired].every(brought) ? quietMs : patienceMs,
    )
  }
}

/** @returns undefined for an empty payload, which clears, and for what is none of ours */
function parse<T>(payload: Buffer): T | undefined {
  if (payload.length === 0) return undefined
  try {
    const document = JSON.parse(payload.toString()) as T & { v?: unknown }
    return document.v === 1 || document.v === 2 ? document : undefined
  } catch {
    return undefined
  }
}
