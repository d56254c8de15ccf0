import type { Kind } from './schedule.ts'

/** Faults under way: any number at once, but for those that must take turns. */
export class Doings {
  readonly counts: Partial<Record<Kind, number>> = {}
  /** What could not be done, for people: not the fault of what is tested. */
  readonly failures: string[] = []
  #turnOf: (kind: Kind) => string | undefined
  #underway = new Set<Promise<void>>()
  /** By what takes turns: the last one. */
  #turns = new Map<string, Promise<void>>()

  /** @param turnOf kinds with the same answer happen one after the other */
  constructor(turnOf: (kind: Kind) => string | undefined) {
    this.#turnOf = turnOf
  }

  /** Starts it, and doesn't wait for its end. */
  begin(kind: Kind, act: () => Promise<void>): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
    const turn = this.#turnOf(kind)
    const before = (turn !== undefined && this.#turns.get(turn)) || Promise.resolve()
    const doing = before
      .then(act)
      .catch((error: Error) => void this.failures.push(`${kind}: ${error.message}`))
      .finally(() => this.#underway.delete(doing))
    if (turn !== undefined) this.#turns.set(turn, doing)
    this.#underway.add(doing)
  }

  /** Once all are over. */
  async over(): Promise<void> {
    while (this.#underway.size > 0) await Promise.all(this.#underway)
  }
}
