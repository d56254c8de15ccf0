import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../context.ts'
import type { UserModule } from '../invoke.ts'
import type { Connection, RoundTrip, Way } from '../transport.ts'
import type { Sink } from './sink.ts'

interface MqttSinkOptions extends Way {
  clientId: string
  topic: string
  retain: boolean
  log: Logger
  sent(bytes: number): void
}

interface Unsent {
  payload: string
  resolve(): void
}

/** Publishes each record's plain value, in order; when the broker is away it waits, and sends again what was not
 *  acknowledged. Text is sent as it is, everything else as JSON. */
export class MqttSink implements Sink {
  #options: MqttSinkOptions
  #connection: Connection | undefined
  #connecting = false
  #closed = false
  #unsent: Unsent[] = []

  constructor(options: MqttSinkOptions) {
    this.#options = options
  }

  handler: UserModule['default'] = value => {
    const payload = typeof value === 'string' ? value : JSON.stringify(value)
    return new Promise<void>(resolve => {
      const message = { payload, resolve }
      this.#unsent.push(message)
      if (this.#connection) this.#publish(this.#connection, message)
      else void this.#connect()
    })
  }

  async roundTrip(): Promise<RoundTrip | undefined> {
    const { broker } = this.#options.transport
    return this.#connection && broker !== undefined
      ? { broker, ms: await this.#connection.ping() }
      : undefined
  }

  async close() {
    this.#closed = true
    await this.#connection?.close()
  }

  #publish(connection: Connection, message: Unsent) {
    const { topic, retain } = this.#options
    connection.publish(topic, message.payload, { retain }).then(
      () => {
        this.#unsent.splice(this.#unsent.indexOf(message), 1)
        message.resolve()
        this.#options.sent(Buffer.byteLength(message.payload))
      },
      () => {}, // sent again by the next connection
    )
  }

  async #connect() {
    if (this.#connecting) return
    this.#connecting = true
    for (let waitMs = 100; !this.#closed && !this.#connection; waitMs = Math.min(5_000, waitMs * 2)) {
      await this.#attempt().catch(async (error: Error) => {
        this.#options.log.warn('the sink cannot reach its broker', { error: error.message })
        await sleep(waitMs)
      })
    }
    this.#connecting = false
  }

  async #attempt() {
    const { transport, nudge, clientId } = this.#options
    const connection = await transport.connect({
      clientId,
      clean: true,
      ...(nudge !== undefined && { nudge }),
      onMessage() {},
      onClose: () => {
        this.#connection = undefined
        if (this.#unsent.length > 0) void this.#connect()
      },
    })
    this.#connection = connection
    for (const message of [...this.#unsent]) this.#publish(connection, message)
  }
}
