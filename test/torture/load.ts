import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import type { Arrived, Checker } from './checker.ts'
import { Publisher } from './publisher.ts'
import { type Entered, recordsOf } from './records.ts'

export interface LoadOptions {
  url: string
  seed: number
  records: number
  /** Records a second at most. */
  rate: number
  checker: Checker
  /** The source has a broker without limits. */
  isOutside: boolean
  /** Ends the run early. */
  signal?: AbortSignal
  /** Called before each record, with the number of those that were sent. */
  onRecord(sent: number): void
}

/** Sent, and not yet through, where the source has a broker without limits. */
const maxInFlightOutside = 20_000
/** The same on the dataflow's own broker. A default mosquitto queues 1,000 messages for a client that is away and drops the rest
 *  without a word; two messages leave the sink for each record. */
const maxInFlight = 400
/** What is sent twice comes again behind so many others: fewer than a source remembers. */
const againAfter = 100

/** Sends the records, and hears what comes of them. */
export class Load {
  #options: LoadOptions
  #publisher: Publisher
  #reader!: MqttClient
  #heard = performance.now()
  #wake: (() => void) | undefined
  longestSilenceMs = 0

  constructor(options: LoadOptions) {
    this.#options = options
    this.#publisher = new Publisher(options.url)
  }

  /** Subscribes before anything can come. */
  async open(): Promise<void> {
    const { url, checker } = this.#options
    const options = { reconnectPeriod: 100, connectTimeout: 5_000, protocolVersion: 4 as const }
    this.#reader = await connectAsync(url, { ...options, clientId: 'torture-reader', clean: false })
    this.#reader.on('message', (_, payload) => {
      this.longestSilenceMs = Math.max(this.longestSilenceMs, this.silentMs)
      this.#heard = performance.now()
      checker.take(JSON.parse(payload.toString()) as Arrived)
      this.#wake?.()
    })
    await this.#reader.subscribeAsync('torture/out', { qos: 1 })
    this.#reader.on('error', () => {}) // it connects again
    await this.#publisher.connect()
  }

  /** For how long nothing has come. */
  get silentMs(): number {
    return performance.now() - this.#heard
  }

  /** @returns once all records are through, or the dataflow has been silent for too long */
  async run(patienceMs: number): Promise<void> {
    const { seed, records, rate, checker, isOutside, signal, onRecord } = this.#options
    const most = isOutside ? maxInFlightOutside : maxInFlight
    // They are sent in one go: frames get longer, and cost less, than where one goes in as one comes out.
    const refillBelow = most / 4
    this.#heard = performance.now()
    this.longestSilenceMs = 0
    let sent = 0
    let earliest = performance.now()
    const again: { record: Entered; at: number }[] = []
    for (const record of recordsOf(seed, records)) {
      onRecord(sent)
      if (checker.inFlight >= most && !(await this.#below(refillBelow, patienceMs))) return
      if (signal?.aborted) return
      const now = performance.now()
      if (now < earliest - 5) await sleep(earliest - now)
      earliest = Math.max(earliest, now - 100) + 1_000 / rate
      checker.sent(record)
      this.#publish(record)
      if (record.again) again.push({ record, at: sent + againAfter })
      while (again[0] && again[0].at <= sent) this.#publish(again.shift()!.record)
      sent += 1
    }
    for (const { record } of again) this.#publish(record)
    onRecord(sent)
    await this.#below(1, patienceMs)
  }

  #publish({ k, g, n, v, id }: Entered) {
    this.#publisher.publish({ topic: 'torture/in', payload: JSON.stringify({ k, g, n, v, id }) })
  }

  /** What is under way may still come. */
  async drain(timeoutMs: number): Promise<void> {
    for (const end = Date.now() + timeoutMs; this.#options.checker.inFlight > 0 && Date.now() < end; )
      await sleep(50)
  }

  async close(): Promise<void> {
    await Promise.all([this.#publisher.close(), this.#reader?.endAsync(true)])
  }

  /** Waits until fewer are in flight. @returns false when nothing has come for too long */
  async #below(limit: number, patienceMs: number): Promise<boolean> {
    const { checker, signal } = this.#options
    while (checker.inFlight >= limit) {
      if (this.silentMs > patienceMs || signal?.aborted) return false
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, 500)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    return true
  }
}
