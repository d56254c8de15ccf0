import { randomUUID } from 'node:crypto'
import type { StateDocument } from './state-document.ts'
import type { Connection, Transport } from './transport.ts'

/** @returns whether this is the document that was asked for */
type Take = (topic: string, document: StateDocument) => boolean

const patienceMs = 5_000
const firstWaitMs = 50
const longestWaitMs = 500

/**
 * Reads single documents of a partition's state, for its owner: nobody else writes them, so all that are asked for are
 * there. On a connection of its own, which stays open: in the session they would be taken for records after a crash.
 */
export class StateReader {
  #transport: Transport
  #connection: Promise<Connection> | undefined
  #wanted = new Map<string, Take>()
  #settle: { resolve(): void; reject(error: Error): void } | undefined
  #closed = false

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** One read at a time. @throws when the broker does not bring all of them, or the connection closes */
  async read(topics: string[], take: Take): Promise<void> {
    for (const topic of topics) this.#wanted.set(topic, take)
    const until = Date.now() + patienceMs
    // What a broker brings late, or drops, is asked for again.
    for (let waitMs = firstWaitMs; ; waitMs = Math.min(longestWaitMs, 2 * waitMs)) {
      await this.#ask([...this.#wanted.keys()], waitMs)
      if (this.#wanted.size === 0) return
      if (Date.now() < until) continue
      const [topic] = this.#wanted.keys()
      throw new Error(`the broker does not have the retained message of ${topic} as it was stored there`)
    }
  }

  close() {
    this.#closed = true
    this.#settle?.reject(new Error('the connection was closed'))
    this.#connection?.then(
      connection => connection.close(),
      () => {},
    )
  }

  async #ask(topics: string[], waitMs: number): Promise<void> {
    if (this.#closed) throw new Error('the connection was closed')
    this.#connection ??= this.#connect()
    const connection = await this.#connection
    const ended = Promise.withResolvers<void>()
    this.#settle = ended
    const timer = setTimeout(ended.resolve, waitMs)
    try {
      await Promise.all([connection.subscribe(topics, 0), ended.promise])
    } finally {
      clearTimeout(timer)
      this.#settle = undefined
    }
    // Not waited for: what is subscribed to next comes behind it.
    connection.unsubscribe(topics).catch(() => {})
  }

  #connect(): Promise<Connection> {
    return this.#transport.connect({
      clientId: `dyninka-read-${randomUUID()}`,
      clean: true,
      onMessage: ({ topic, payload }) => this.#hear(topic, payload),
      onClose: error => {
        this.#settle?.reject(error ?? new Error('the connection was closed'))
        this.#connection = undefined
      },
    })
  }

  #hear(topic: string, payload: Buffer) {
    const take = this.#wanted.get(topic)
    try {
      if (!take?.(topic, JSON.parse(payload.toString()) as StateDocument)) return
    } catch {
      return // a foreign client's
    }
    this.#wanted.delete(topic)
    if (this.#wanted.size === 0) this.#settle?.resolve()
  }
}
