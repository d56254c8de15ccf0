/** Lets so many through each second, and says how many it held back. */
export class Sampler {
  readonly #perSecond: number
  readonly #onSkipped: (count: number) => void
  #admitted = 0
  #skipped = 0
  #timer: NodeJS.Timeout | undefined

  constructor(perSecond: number, onSkipped: (count: number) => void) {
    this.#perSecond = perSecond
    this.#onSkipped = onSkipped
  }

  admits(): boolean {
    this.#timer ??= setTimeout(() => this.#nextSecond(), 1000).unref()
    if (this.#admitted < this.#perSecond) {
      this.#admitted++
      return true
    }
    this.#skipped++
    return false
  }

  #nextSecond() {
    if (this.#skipped > 0) this.#onSkipped(this.#skipped)
    this.#admitted = 0
    this.#skipped = 0
    this.#timer = undefined
  }
}
