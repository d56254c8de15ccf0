/** What may wait to be sent, by time: more than that, and who sends waits. A queue that is long is a delay of its own. */
const maxQueueMs = 20

/** One direction of a link, for all connections together: what is sent takes the time that it takes to send so much, and
 *  then that of the way. Times are ms, by `performance.now()`. */
export class Lane {
  #delayMs: number
  #bytesPerMs: number
  /** When all that was sent before is on its way. */
  #freeAt = 0

  constructor(delayMs: number, bytesPerSecond = Number.POSITIVE_INFINITY) {
    this.#delayMs = delayMs
    this.#bytesPerMs = bytesPerSecond / 1000
  }

  /** Sends so much behind all that was sent before. @returns when it has arrived */
  send(bytes: number, now: number): number {
    this.#freeAt = Math.max(this.#freeAt, now) + bytes / this.#bytesPerMs
    return this.#freeAt + this.#delayMs
  }

  /** How long to wait before more is sent. */
  waitMs(now: number): number {
    return Math.max(0, this.#freeAt - now - maxQueueMs)
  }
}
