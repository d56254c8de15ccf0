import { Silence } from '../silence.ts'
import type { Connection, RoundTrip, Way } from '../transport.ts'
import type { Arrived, Emit, Feed } from './feed.ts'
import { Leftover, type Reading } from './leftover.ts'

interface MqttFeedOptions extends Way {
  clientId: string
  filter: string
  /** That the session may hold from before, and is to read no more. */
  left: string[]
  /** Topic of a message to ourselves, through a session that may bring nothing. Absent: it is none of those. */
  mark?: string
  onClosed(error?: Error): void
}

/** Reads an external topic filter through a durable session of its own: what comes while no host runs waits there. */
export class MqttFeed implements Feed {
  #options: MqttFeedOptions
  #connection: Connection | undefined
  /** How often it was paused. */
  #pauses = 0
  #reading: Reading = { came: 0, acknowledged: 0, isPaused: false }
  #leftover: Leftover | undefined
  #isStopped = false
  #silence = new Silence()

  constructor(options: MqttFeedOptions) {
    this.#options = options
  }

  async start(emit: Emit) {
    const { transport, nudge, clientId, filter, left, mark, onClosed } = this.#options
    this.#connection = await transport.connect({
      clientId,
      clean: false,
      ...(nudge !== undefined && { nudge }),
      // Retained messages are the last value, not an event; a new subscription would bring them again.
      onMessage: message => {
        const { topic, payload } = message
        this.#silence.heard()
        if (topic === mark) {
          this.#silence.end()
          return message.ack()
        }
        if (message.retain) return message.ack()
        this.#reading.came += 1
        this.#leftover?.came(topic)
        const ack = () => {
          this.#reading.acknowledged += 1
          this.#silence.heard()
          message.ack()
        }
        // Once: by then the broker may have given the number to another message.
        const kept = () => {
          ack()
          arrived.kept = arrived.done = () => {}
        }
        const done = (result: Parameters<Arrived['done']>[0]) => result !== 'left' && ack()
        const arrived: Arrived = { payload, topic, kept, done }
        emit(arrived)
      },
      onClose: onClosed,
    })
    if (this.#isStopped) return this.#connection.close()
    if (this.#reading.isPaused) this.#connection.pause() // by what came along with the answer, or before
    await this.turn(filter, left)
    if (mark === undefined) return
    await this.#connection.subscribe([mark], 1)
    this.#silence.begin()
    await this.#connection.publish(mark, '')
  }

  get waitingFor() {
    const { came, acknowledged, isPaused } = this.#reading
    return isPaused || came > acknowledged ? [] : this.#silence.waitingFor
  }

  async turn(filter: string, left: string[]) {
    const connection = this.#connection!
    const done = [connection.subscribe([filter], 1)]
    if (left.length > 0) {
      this.#leftover?.close()
      this.#leftover = undefined
      done.push(connection.unsubscribe(left))
    }
    await Promise.all(done)
  }

  readUp(filters: string[]): Promise<boolean> {
    this.#leftover?.close()
    this.#leftover = new Leftover(filters, this.#reading)
    return this.#leftover.read
  }

  pause() {
    this.#pauses += 1
    this.#reading.isPaused = true
    this.#connection?.pause()
  }

  resume() {
    this.#reading.isPaused = false
    this.#silence.heard()
    this.#connection?.resume()
  }

  async roundTrip(): Promise<RoundTrip | undefined> {
    const { broker } = this.#options.transport
    if (!this.#connection || broker === undefined || this.#reading.isPaused) return undefined
    const pauses = this.#pauses
    const ms = await this.#connection.ping()
    return pauses === this.#pauses ? { broker, ms } : undefined // else the answer waited for us
  }

  async stop() {
    this.#isStopped = true
    this.#leftover?.close()
    await this.#connection?.close()
  }
}
