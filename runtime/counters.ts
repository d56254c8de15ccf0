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

  /** Calls that have ended since `turnMs`, and are not in `handlerMs` yet. */
  #unmeasured = 0
  #areQuick = false

  /** What comes next in this turn begins now, as of `performance.now()`. */
  tick(): number {
    const now = performance.now()
    if (this.#unmeasured > 0) this.handlerMs += now - this.turnMs
    this.#unmeasured = 0
    if (this.turnMs > 0) this.turnMs = now
    return now
  }

  /** A call goes on later, which counts for all of its time: quick ones before it are not told apart from it any more. */
  gaveWay() {
    this.#unmeasured = 0
    this.#areQuick = false
    this.tick()
  }

  /** A call has ended, that began at `start`. Of quick ones that follow each other, only each fourth looks at the clock,
   *  which takes as long as a thirtieth of all that a host does for a record. */
  ended(start: number) {
    this.calls += 1
    const isNext = start === this.turnMs
    if (isNext && this.#areQuick && this.#unmeasured < 3) {
      this.#unmeasured += 1
      return
    }
    const calls = isNext ? this.#unmeasured + 1 : 1
    if (isNext) this.#unmeasured = 0
    const ms = this.tick() - start
    this.handlerMs += ms
    this.#areQuick = ms < quickMs * calls
  }
}

const quickMs = 0.05
