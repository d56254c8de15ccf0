import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from '../../runtime/transport.ts'
import { wireTransport } from '../../runtime/wire-transport.ts'

interface Publish {
  topic: string
  payload: string
}

const againMs = 100

/** Publishes in order, each until the broker has taken it over. mqtt.js lost what it was given while a broker was away. */
export class Publisher {
  #url: string
  /** Not taken over yet, oldest first. */
  #open = new Set<Publish>()
  #connection: Connection | undefined
  #closed = false

  constructor(url: string) {
    this.#url = url
  }

  /** Resolves once it is connected; from then on it connects again by itself. */
  async connect(): Promise<void> {
    while (!this.#closed) {
      try {
        this.#connection = await wireTransport(this.#url).connect({
          clientId: 'torture-load',
          clean: true,
          nudge: 'torture/nudge',
          onMessage() {},
          onClose: () => {
            this.#connection = undefined
            void this.connect()
          },
        })
        for (const one of this.#open) this.#send(one)
        return
      } catch {
        await sleep(againMs)
      }
    }
  }

  publish(one: Publish) {
    this.#open.add(one)
    this.#send(one)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#connection?.close()
  }

  #send(one: Publish) {
    this.#connection?.publish(one.topic, one.payload).then(
      () => this.#open.delete(one),
      () => {}, // the next connection sends it again
    )
  }
}
