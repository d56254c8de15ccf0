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

  /** Settles in order of arrival: at once when nothing is before it, and the outcome is here. */
  push({ outcome, ...work }: Work<Outcome>) {
    if (!(outcome instanceof Promise) && this.#slots.length === 0) return work.settle(outcome)
    const slot: Slot<Outcome> = { ...work }
    this.#slots.push(slot)
    if (slot.key !== undefined) this.#keys.add(slot.key)
    if (outcome instanceof Promise) outcome.then(value => this.#arrived(slot, value), slot.failed)
    else this.#arrived(slot, outcome)
  }

  #arrived(slot: Slot<Outcome>, value: Outcome) {
    slot.outcome = { value }
    if (slot.frees(value)) this.#free(slot)
    this.#settle()
  }

  #free(slot: Slot<Outcome>) {
    if (slot.key === undefined) return
    this.#keys.delete(slot.key)
    slot.key = undefined
  }

  #settle() {
    while (!this.#isHeld && this.#slots[0]?.outcome) {
      const slot = this.#slots.shift()!
      this.#free(slot)
      slot.settle(slot.outcome!.value)
    }
  }
}

interface Work<Outcome> {
  /** What no two records in here may share. */
  key: string | undefined
  outcome: Outcome | Promise<Outcome>
  /** Another record of its key may come in before this one is settled. */
  frees(outcome: Outcome): boolean
  settle(outcome: Outcome): void
  failed(error: unknown): void
}

interface Slot<Outcome> extends Omit<Work<Outcome>, 'outcome'> {
  outcome?: { value: Outcome }
}
