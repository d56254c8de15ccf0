/** Between nudges, on the average of some: on a connection that is busy they would cost more than they spare. */
const intervalMs = 0.25
const atOnce = 8

/**
 * A default mosquitto leaves Nagle's algorithm on: while TCP has not acknowledged one small packet, which may take it
 * 40 ms, the broker holds the next back. An acknowledgment travels with anything that we send, so where a turn of the
 * event loop has heard something and sent nothing, something leaves that needs no answer.
 */
export class Nudge {
  #send: () => void
  #owes = false
  #isPlanned = false
  #timer: NodeJS.Timeout | undefined
  /** When the next one is due, if they came at an even pace. */
  #due = 0

  constructor(send: () => void) {
    this.#send = send
  }

  sent() {
    this.#owes = false
  }

  /** @param now as of `performance.now()` */
  heard(now: number) {
    this.#owes = true
    if (this.#isPlanned) return
    this.#isPlanned = true
    if (this.#due > now) this.#timer = setTimeout(this.#run, this.#due - now)
    else queueMicrotask(() => process.nextTick(this.#run)) // behind all that this turn does, and in it
  }

  close() {
    this.#owes = false
    clearTimeout(this.#timer)
  }

  #run = () => {
    this.#isPlanned = false
    if (!this.#owes) return
    this.#due = Math.max(this.#due, performance.now() - atOnce * intervalMs) + intervalMs
    this.#send()
  }
}
