import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import type { Arrived, Checker } from './checker.ts'
import { recordsOf } from './records.ts'

export interface LoadOptions {
  url: string
  seed: number
  records: number
  /** Records a second at most. */
  rate: number
  checker: Checker
  /** Ends the run early. */
  signal?: AbortSignal
  /** Called before each record, with the number of those that were sent. */
  onRecord(sent: number): void
}

/** Sent, and not yet through. A default mosquitto queues 1,000 messages for a client that is away and drops the rest
 *  without a word; two messages leave the sink for each record. */
export const maxInFlight = 400

/** Sends the records, and hears what comes of them. */
export class Load {
  #options: LoadOptions
  #publisher!: MqttClient
  #reader!: MqttClient
  #heard = performance.now()
  #wake: (() => void) | undefined

  constructor(options: LoadOptions) {
    this.#options = options
  }

  /** Subscribes before anything can come. */
  async open(): Promise<void> {
    const { url, checker } = this.#options
    const options = { reconnectPeriod: 100, connectTimeout: 5_000, protocolVersion: 4 as const }
    this.#reader = await connectAsync(url, { ...options, clientId: 'torture-reader', clean: false })
    this.#reader.on('message', (_, payload) => {
      this.#heard = performance.now()
      checker.take(JSON.parse(payload.toString()) as Arrived)
      this.#wake?.()
    })
    await this.#reader.subscribeAsync('torture/out', { qos: 1 })
    this.#publisher = await connectAsync(url, { ...options, clientId: 'torture-load', clean: false })
    for (const client of [this.#reader, this.#publisher]) client.on('error', () => {}) // it connects again
  }

  /** For how long nothing has come. */
  get silentMs(): number {
    return performance.now() - this.#heard
  }

  /** @returns once all records are through, or the dataflow has been silent for too long */
  async run(patienceMs: number): Promise<void> {
    const { seed, records, rate, checker, signal, onRecord } = this.#options
    this.#heard = performance.now()
    let sent = 0
    let earliest = performance.now()
    for (const record of recordsOf(seed, records)) {
      onRecord(sent)
      if (signal?.aborted || !(await this.#below(maxInFlight, patienceMs))) return
      const now = performance.now()
      if (now < earliest - 5) await sleep(earliest - now)
      earliest = Math.max(earliest, now - 100) + 1_000 / rate
      checker.sent(record)
      this.#publisher.publish('torture/in', JSON.stringify(record), { qos: 1 })
      sent += 1
    }
    onRecord(sent)
    await this.#below(1, patienceMs)
  }

  /** What is under way may still come. */
  async drain(timeoutMs: number): Promise<void> {
    for (const end = Date.now() + timeoutMs; this.#options.checker.inFlight > 0 && Date.now() < end; )
      await sleep(50)
  }

  async close(): Promise<void> {
    await Promise.all([this.#publisher?.endAsync(true), this.#reader?.endAsync(true)])
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
