import { Figures } from './figures.ts'

/** Counts of one host since its start, summed over its partitions. */
export class Counters {
  recordsIn = 0
  recordsOut = 0
  bytesIn = 0
  bytesOut = 0
  repeats = 0
  retries = 0
  deadLetters = 0
  dropped = 0
  rejected = 0
  inFlight = 0
  takeovers = 0
  handlerMs = 0
  /** While calls follow each other in one turn of the event loop: when the one before ended, or gave way, which is when the
   *  next begins; else 0. */
  turnMs = 0
  calls = 0
  latencyMs: number | undefined
  /** Since the last report of them. */
  readonly figures = new Figures()

  /** What comes next in this turn begins now, as of `performance.now()`. */
  tick(): number {
    const now = performance.now()
    if (this.turnMs > 0) this.turnMs = now
    return now
  }
}
