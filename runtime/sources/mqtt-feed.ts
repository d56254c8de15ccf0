import type { Connection, Way } from '../transport.ts'
import type { Emit, Feed } from './feed.ts'

interface MqttFeedOptions extends Way {
  clientId: string
  filter: string
  onClosed(error?: Error): void
}

/** Reads an external topic filter through a durable session of its own: what comes while no host runs waits there. */
export class MqttFeed implements Feed {
  #options: MqttFeedOptions
  #connection: Connection | undefined

  constructor(options: MqttFeedOptions) {
    this.#options = options
  }

  async start(emit: Emit) {
    const { transport, nudge, clientId, filter, onClosed } = this.#options
    this.#connection = await transport.connect({
      clientId,
      clean: false,
      ...(nudge !== undefined && { nudge }),
      // Retained messages are the last value, not an event; a new subscription would bring them again.
      onMessage: ({ topic, payload, retain, ack }) =>
        retain ? ack() : emit({ payload, topic, done: () => ack() }),
      onClose: onClosed,
    })
    await this.#connection.subscribe([filter], 1)
  }

  pause() {
    this.#connection?.pause()
  }

  resume() {
    this.#connection?.resume()
  }

  async stop() {
    await this.#connection?.close()
  }
}
