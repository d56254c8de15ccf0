import { pubackPackets } from './packets.ts'

/** At so many, all leave: brokers wait for acknowledgments of 10 to 20 messages before they send more. */
const maxOpen = 10
/** In a quiet connection. */
const maxWaitMs = 10

/**
 * Acknowledgments of one connection, in order. Each turn of the event loop that hears something sends something (see
 * `Nudge`): one that waits for a turn which has nothing else to send spares the broker a packet.
 */
export class Acks {
  #mayWait: () => boolean
  #onDue: () => void
  #waiting: number[] = []
  #isDue = false
  /** Messages that the broker has no acknowledgment of. */
  #open = 0
  #timer: NodeJS.Timeout | undefined

  /** @param mayWait something leaves at the end of this turn. @param onDue all that `take` gives are to leave with it */
  constructor(mayWait: () => boolean, onDue: () => void) {
    this.#mayWait = mayWait
    this.#onDue = onDue
  }

  /** A message has come that is to be acknowledged. */
  arrived() {
    this.#open += 1
    if (this.#waiting.length > 0 && this.#open >= maxOpen) this.#leave()
  }

  add(messageId: number) {
    this.#waiting.push(messageId)
    if (this.#open >= maxOpen || !this.#mayWait()) this.#leave()
    else if (this.#waiting.length === 1) this.#wait()
  }

  /** @returns those that leave with this turn, if any do */
  take(): Buffer | undefined {
    if (!this.#isDue) return undefined
    this.#isDue = false
    return this.#cut(this.#waiting.length)
  }

  /** @returns the one that has waited longest, if any does */
  takeOne(): Buffer | undefined {
    if (this.#waiting.length > 1) this.#wait()
    return this.#cut(1)
  }

  /** All that wait are due. */
  close() {
    clearTimeout(this.#timer)
    this.#isDue = true
  }

  #cut(count: number): Buffer | undefined {
    const messageIds = this.#waiting.splice(0, count)
    this.#open -= messageIds.length
    return messageIds.length > 0 ? pubackPackets(messageIds) : undefined
  }

  #leave = () => {
    if (this.#isDue || this.#waiting.length === 0) return
    this.#isDue = true
    this.#onDue()
  }

  #wait() {
    if (this.#timer) this.#timer.refresh()
    else this.#timer = setTimeout(this.#leave, maxWaitMs).unref()
  }
}
