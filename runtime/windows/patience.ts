import { type Duration, lengthOf, msOf } from './duration.ts'

/** How long a key is waited for. */
export interface PatienceOptions {
  /** How far a record's event time may lie behind the newest of its key. What is older, and would belong to a closed
   *  window, leaves on the output `late`. */
  lateness?: Duration
  /** When nothing comes, event time is taken to pass as the clock does, so that the last windows close too. With
   *  `idle` that begins only after this long without a record: for data that comes in bursts. Default 0. */
  idle?: Duration
  /** How long a key of which nothing is open is remembered, by the clock, to know what is late. Default `24h`. */
  retention?: Duration
}

/** Event time of one key, and when to go on without a record. The watermark is the instant before which nothing more
 *  is expected; it only grows. */
export class Patience {
  readonly latenessMs: number
  readonly #idleMs: number
  readonly #retentionMs: number

  constructor({ lateness = 0, idle = 0, retention = '24h' }: PatienceOptions) {
    this.latenessMs = msOf('lateness', lateness)
    this.#idleMs = msOf('idle', idle)
    this.#retentionMs = lengthOf('retention', retention)
  }

  /** @param before the watermark, if the key is known */
  watermark(before: number | undefined, time: number): number {
    return Math.max(before ?? Number.NEGATIVE_INFINITY, time - this.latenessMs)
  }

  /** When to wake after a record. @param due event time at which the next thing ends, if anything is open */
  afterRecord(now: number, watermark: number, due: number | undefined): number {
    return now + (due === undefined ? this.#retentionMs : Math.max(this.#idleMs, due - watermark))
  }

  /** When to wake after a timer that was set to `at`. */
  afterTimer(at: number, watermark: number, due: number | undefined): number {
    return at + (due === undefined ? this.#retentionMs : due - watermark)
  }
}
