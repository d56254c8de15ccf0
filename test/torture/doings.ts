import { setTimeout as sleep } from 'node:timers/promises'
import type { Kind } from './schedule.ts'

/** Longer than any takes, and than the dataflow takes to follow. */
const patienceMs = 180_000

/** Faults under way: any number at once, but for those that must take turns. */
export class Doings {
  readonly counts: Partial<Record<Kind, number>> = {}
  /** What could not be done, for people: not the fault of what is tested. */
  readonly failures: string[] = []
  #turnsOf: (kind: Kind) => readonly string[]
  #underway = new Map<Promise<void>, Kind>()
  /** By what takes turns: the last one. */
  #turns = new Map<string, Promise<void>>()

  /** @param turnsOf kinds with an answer in common happen one after the other */
  constructor(turnsOf: (kind: Kind) => readonly string[]) {
    this.#turnsOf = turnsOf
  }

  /** Starts it, and doesn't wait for its end. */
  begin(kind: Kind, act: () => Promise<void>): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1
    const turns = this.#turnsOf(kind)
    const doing = Promise.all(turns.map(turn => this.#turns.get(turn)))
      .then(act)
      .catch((error: Error) => void this.failures.push(`${kind}: ${error.message}`))
      .finally(() => this.#underway.delete(doing))
    for (const turn of turns) this.#turns.set(turn, doing)
    this.#underway.set(doing, kind)
  }

  /** Once all are over. One that does not end is a failure of the test: a run must. */
  async over(): Promise<void> {
    const giveUp = new AbortController()
    const patience = sleep(patienceMs, 'late', { signal: giveUp.signal }).catch(() => {})
    while (this.#underway.size > 0)
      if ((await Promise.race([Promise.all(this.#underway.keys()), patience])) === 'late') break
    giveUp.abort()
    for (const kind of this.#underway.values()) this.failures.push(`${kind}: does not end`)
  }
}
