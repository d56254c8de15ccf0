export interface Condition {
  type: 'Ready' | 'Reconciling' | 'Stalled'
  status: 'True' | 'False'
  reason: string
  message: string
  /** Since when the status is what it is. */
  at: string
}

/** Where a dataflow stands, as Flux and kstatus say it. */
export class Conditions {
  #conditions = new Map<Condition['type'], Condition>()
  #now: () => Date

  constructor(now = () => new Date()) {
    this.#now = now
  }

  set(type: Condition['type'], status: Condition['status'], reason: string, message: string): void {
    const old = this.#conditions.get(type)
    const at = old?.status === status ? old.at : this.#now().toISOString()
    this.#conditions.set(type, { type, status, reason, message, at })
  }

  get(type: Condition['type']): Condition | undefined {
    return this.#conditions.get(type)
  }

  list(): Condition[] {
    return [...this.#conditions.values()]
  }
}
