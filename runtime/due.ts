import type { Inflight } from './inflight.ts'
import type { State } from './state.ts'
import { Timers, type TimersOptions } from './timers.ts'

/** What a partition tells itself through its own session when it is due: the timers of users, and the next attempts at
 *  records that wait. */
export class Due {
  #state: State
  #timers: Timers
  #retries: Timers

  /** @param state with what an owner before has stored */
  constructor(options: Omit<TimersOptions, 'lane'>, state: State) {
    this.#state = state
    this.#timers = new Timers({ ...options, lane: 'timer' })
    this.#retries = new Timers({ ...options, lane: 'retry' })
    for (const [key, at] of state.timers()) this.#timers.set(key, at)
    for (const [key, at] of state.parkings()) this.#retries.set(key, at)
  }

  /** Nothing is on its way, and no record waits for an attempt. */
  get idle() {
    return this.#timers.idle && this.#retries.idle && this.#state.parkings().next().done === true
  }

  mark = () => this.#retries.mark()

  /** These are stored. */
  stored(batch: Inflight[]) {
    for (const { lane, mark, states } of batch) {
      if (lane === 'timer') this.#timers.finished()
      if (lane === 'retry' && mark === undefined) this.#retries.finished()
      for (const { key, timer, retry } of states.values()) {
        this.#timers.set(key, timer)
        this.#retries.set(key, retry?.at)
      }
    }
  }

  /** Lets time pass, for a test. */
  elapse(ms: number) {
    this.#timers.elapse(ms)
    this.#retries.elapse(ms)
  }

  close() {
    this.#timers.close()
    this.#retries.close()
  }
}
