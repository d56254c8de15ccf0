export interface Condition {
  /** The last three are there only as long as they hold: something is asked for that can't be done; the forge was not told;
   *  something can't be where it is decided. */
  type: 'Ready' | 'Reconciling' | 'Stalled' | 'Unheeded' | 'Unreported' | 'Displaced'
  status: 'True' | 'False'
  reason: string
  message: string
  /** Of a step that failed: what to do, in general. */
  hint?: string
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

  set(
    type: Condition['type'],
    status: Condition['status'],
    reason: string,
    message: string,
    hint?: string,
  ): void {
    const old = this.#conditions.get(type)
    const at = old?.status === status ? old.at : this.#now().toISOString()
    this.#conditions.set(type, { type, status, reason, message, at, ...(hint !== undefined && { hint }) })
  }

  remove(type: Condition['type']): void {
    this.#conditions.delete(type)
  }

  get(type: Condition['type']): Condition | undefined {
    return this.#conditions.get(type)
  }

  list(): Condition[] {
    return [...this.#conditions.values()]
  }
}
