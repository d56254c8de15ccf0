import type { Connection, Message } from './transport.ts'

/** When to look again for what is retained. A broker under load may be behind by seconds. */
export const againMs = [1_000, 5_000, 30_000]

/**
 * Subscriptions of one connection to retained topics, which end up with what is newest there.
 *
 * NATS looks for what is retained before a subscription begins, and among what it has come to know by then: what is
 * published in between never comes. Of 15 dataflows that were started three at a time, four waited for a wiring for ever.
 * So they are made once more after a while, which brings what is retained again.
 */
export class RetainedTopics {
  #connection: Connection
  #filters = new Set<string>()
  /** Topics of which something has come that was published since: what is retained is that, or older. */
  #live = new Set<string>()
  #timers = new Set<NodeJS.Timeout>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** @throws when the broker refuses */
  async subscribe(filters: string[], qos: 0 | 1): Promise<void> {
    for (const filter of filters) this.#filters.add(filter)
    await this.#connection.subscribe(filters, qos)
    for (const ms of againMs) this.#later(ms, filters, qos)
  }

  async unsubscribe(filters: string[]): Promise<void> {
    for (const filter of filters) {
      this.#filters.delete(filter)
      this.#live.delete(filter)
    }
    await this.#connection.unsubscribe(filters)
  }

  /** Whether a message of this connection may say something new. */
  isNews({ topic, retain }: Message): boolean {
    if (!retain) this.#live.add(topic)
    return !retain || !this.#live.has(topic)
  }

  close() {
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #later(ms: number, filters: string[], qos: 0 | 1) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      const wanted = filters.filter(filter => this.#filters.has(filter))
      if (wanted.length > 0) this.#connection.subscribe(wanted, qos).catch(() => {}) // the connection is gone
    }, ms).unref()
    this.#timers.add(timer)
  }
}
