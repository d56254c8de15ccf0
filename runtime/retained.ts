import { randomUUID } from 'node:crypto'
import type { Connection, Message, Transport } from './transport.ts'

interface ReadOptions {
  /** Called for each retained message; true ends the read: all that was expected has come. */
  take(topic: string, payload: Buffer): boolean
  /** How long to wait for what must be there, ms. 0: nothing need be there, so two round trips are enough. */
  patienceMs: number
  /** How long to wait for the next, ms, once one has come: instead of `patienceMs`, however long all take. They are
   *  many then, and each filter has to wait for what the one before brings. */
  pauseMs?: number
}

const settleMs = 20

/**
 * Reads retained messages on a connection of its own, at QoS 0: at QoS 1 a default mosquitto brings
 * 1,020 of 20,000 and drops the rest without a word.
 * @returns whether `take` said that all had come
 */
export const readRetained = (
  transport: Transport,
  filters: string[],
  options: ReadOptions,
): Promise<boolean> => new RetainedRead(transport).read(filters, options)

/** One such read. Its connection is dialled at once, whatever has to happen before the read. */
export class RetainedRead {
  #connection: Promise<Connection>
  #hear: (message: Message) => void = () => {}
  #ended = Promise.withResolvers<boolean>()

  constructor(transport: Transport) {
    this.#connection = transport.connect({
      clientId: `dyninka-read-${randomUUID()}`,
      clean: true,
      onMessage: message => this.#hear(message),
      onClose: () => this.#ended.resolve(false),
    })
    this.#connection.catch(() => {}) // `read` says it
  }

  async read(filters: string[], { take, patienceMs, pauseMs }: ReadOptions): Promise<boolean> {
    const { promise: ended, resolve: end } = this.#ended
    let pause: NodeJS.Timeout | undefined
    let timer: NodeJS.Timeout | undefined
    let heard = 0
    this.#hear = ({ topic, payload, retain }) => {
      heard += 1
      if (pause && retain) pause.refresh()
      else if (pauseMs !== undefined) pause ??= setTimeout(() => end(false), pauseMs)
      try {
        if (payload.length > 0 && take(topic, payload)) end(true)
      } catch {} // a foreign client's: what counts is whether all that was expected comes
    }
    try {
      const connection = await this.#connection
      /** What came of earlier filters has been read, or the broker would have to queue it. */
      const quiet = async () => {
        for (let before = -1; heard > before; ) {
          before = heard
          await connection.ping()
        }
      }
      const ask = async () => {
        for (const [i, filter] of filters.entries()) {
          if (i > 0) await quiet()
          await connection.subscribe([filter], 0)
        }
      }
      if (pauseMs === undefined) await connection.subscribe(filters, 0)
      else await Promise.race([ask(), ended])
      // A broker under load takes longer to bring what it has, as it does to answer a ping.
      const pingMs = async () => settleMs + 3 * (await connection.ping())
      const waitMs = patienceMs || (await Promise.race([pingMs(), ended.then(() => 0)]))
      timer = setTimeout(() => pause ?? end(false), waitMs)
      return await ended
    } finally {
      clearTimeout(timer)
      clearTimeout(pause)
      this.close()
    }
  }

  /** Nobody waits for that. */
  close() {
    this.#connection.then(connection => connection.close()).catch(() => {})
  }
}
