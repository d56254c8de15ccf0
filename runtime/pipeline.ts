/** Records in the handler: up to `concurrency` at once, never two of one key, settled in order of arrival. */
export class Pipeline<Outcome> {
  #slots: Slot<Outcome>[] = []
  #keys = new Set<string>()
  #concurrency: number
  #isHeld = false

  constructor(concurrency: number) {
    this.#concurrency = concurrency
  }

  get size() {
    return this.#slots.length
  }

  /** Whether what comes out has to wait. */
  set isHeld(value: boolean) {
    this.#isHeld = value
    this.#settle()
  }

  set concurrency(value: number) {
    this.#concurrency = value
  }

  admits(key: string | undefined): boolean {
    if (this.#slots.length >= this.#concurrency) return false
    return key === undefined || !this.#keys.has(key)
  }

  /** @param settle called in order of arrival, at once when nothing is before it */
  push(
    key: string | undefined,
    outcome: Outcome | Promise<Outcome>,
    settle: (outcome: Outcome) => void,
    failed: (error: unknown) => void,
  ) {
    if (!(outcome instanceof Promise) && this.#slots.length === 0) return settle(outcome)
    const slot: Slot<Outcome> = { settle }
    this.#slots.push(slot)
    if (!(outcome instanceof Promise)) {
      slot.outcome = { value: outcome }
      return
    }
    if (key !== undefined) this.#keys.add(key)
    outcome.then(value => {
      slot.outcome = { value }
      if (key !== undefined) this.#keys.delete(key)
      this.#settle()
    }, failed)
  }

  #settle() {
    while (!this.#isHeld && this.#slots[0]?.outcome) {
      const { outcome, settle } = this.#slots.shift()!
      settle(outcome!.value)
    }
  }
}

interface Slot<Outcome> {
  outcome?: { value: Outcome }
  settle(outcome: Outcome): void
}
