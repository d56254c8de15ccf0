const minWaitMs = 1_000
const maxWaitMs = 30_000

/** Asks for what was promised and has not come, again and again. */
export class Overdue {
  #isMissing: () => boolean
  #ask: () => Promise<void>
  #timer: NodeJS.Timeout | undefined
  #waitMs = minWaitMs

  /** @param isMissing asked before `ask` */
  constructor(isMissing: () => boolean, ask: () => Promise<void>) {
    this.#isMissing = isMissing
    this.#ask = ask
  }

  /** Of what has been missing since. */
  get hasAsked() {
    return this.#waitMs > minWaitMs
  }

  /** It should come soon. */
  expect() {
    this.#timer ??= setTimeout(this.#run, this.#waitMs).unref()
  }

  close() {
    clearTimeout(this.#timer)
  }

  #run = () => {
    this.#timer = undefined
    if (!this.#isMissing()) {
      this.#waitMs = minWaitMs
      return
    }
    this.#ask().catch(() => {}) // the connection is gone: a new owner asks
    this.#waitMs = Math.min(maxWaitMs, this.#waitMs * 2)
    this.expect()
  }
}
