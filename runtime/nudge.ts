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
  #planned: { close(): void } | undefined
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
    this.#planned ??= plan(this.#due - now, () => this.#run())
  }

  close() {
    this.#planned?.close()
  }

  #run() {
    this.#planned = undefined
    if (!this.#owes) return
    this.#due = Math.max(this.#due, performance.now() - atOnce * intervalMs) + intervalMs
    this.#send()
  }
}

function plan(ms: number, run: () => void): { close(): void } {
  if (ms > 0) {
    const timer = setTimeout(run, ms)
    return { close: () => clearTimeout(timer) }
  }
  const immediate = setImmediate(run)
  return { close: () => clearImmediate(immediate) }
}
