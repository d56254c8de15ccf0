import type { Numbering } from './numbering.ts'
import type { Pending } from './outbox.ts'
import type { Arrived } from './sources/feed.ts'

/** What a source has sent, or refused, until it has said so. */
export interface Unsettled extends Pending {
  arrived: Arrived
  result: 'sent' | 'rejected'
  /** Outputs that it had at first. */
  all: number
  /** What tells it from others, where the source names a field. */
  identity?: string
}

interface SettlingOptions {
  numbering(): Numbering
  /** The numbering says what identified the latest records. */
  identifies(): boolean
  /** So many have had their effect. */
  onEffect(records: number): void
}

/** Says in the order of arrival that what came is done: once the broker has it, and what is to be known of it is stored. */
export class Settling {
  #options: SettlingOptions
  /** On their way to the broker, oldest first. */
  #waiting: Unsettled[] = []
  /** Had their effect, which is not stored yet, and so not said. */
  #unsaid = 0

  constructor(options: SettlingOptions) {
    this.#options = options
  }

  get isEmpty() {
    return this.#waiting.length + this.#unsaid === 0
  }

  /** All that had its effect has been said to be done. */
  get isSaid() {
    return this.#unsaid === 0
  }

  add(one: Unsettled) {
    this.#waiting.push(one)
  }

  /** What waits for the broker waits in memory alone. */
  keep() {
    for (const { arrived } of this.#waiting) arrived.kept?.()
  }

  /** @param unsent outputs that will not leave, see `Outbox.withdraw`
   *  @returns what has not left at all, and is not waited for any more. The rest of one of which a part has left is */
  withdraw(unsent: Map<Pending, number>): Unsettled[] {
    const isLeft = (one: Unsettled) => one.all > 0 && unsent.get(one) === one.all
    const left = this.#waiting.filter(isLeft)
    this.#waiting = this.#waiting.filter(one => !isLeft(one))
    return left
  }

  /** Settles what the broker has by now. */
  run() {
    let settled = 0
    while (this.#waiting[settled]?.outputs === 0) settled += 1
    if (settled > 0) this.#settle(this.#waiting.splice(0, settled))
  }

  #settle(batch: Unsettled[]) {
    const { numbering, identifies, onEffect } = this.#options
    onEffect(batch.length)
    for (const { identity } of batch) if (identity !== undefined) numbering().finished(identity)
    const done = () => {
      for (const { arrived, result } of batch) arrived.done(result)
    }
    const changes = identifies() || batch.some(({ result }) => result === 'rejected')
    if (!changes && this.#unsaid === 0) return done()
    this.#unsaid += batch.length
    numbering()
      .save()
      .then(done, () => {})
      .finally(() => {
        this.#unsaid -= batch.length
      })
  }
}
