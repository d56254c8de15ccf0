import { setTimeout as sleep } from 'node:timers/promises'

/** Which of the records that were sent have come out at the other end. A date tells them apart. */
export class Receipts {
  readonly #sent: ReadonlySet<string>
  readonly #delivered = new Set<string>()

  constructor(sent: ReadonlySet<string>) {
    this.#sent = sent
  }

  take(payload: string) {
    const date = /\d{4}-\d\d-\d\d/.exec(payload)?.[0]
    if (date !== undefined && this.#sent.has(date)) this.#delivered.add(date)
  }

  get count() {
    return this.#delivered.size
  }

  get complete() {
    return this.#delivered.size === this.#sent.size
  }

  /** Waits until all that was sent has come, or the time is over. */
  async settle(maxMs: number): Promise<void> {
    for (const end = performance.now() + maxMs; !this.complete && performance.now() < end; ) await sleep(50)
  }
}
