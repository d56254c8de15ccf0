import type { Wiring } from '../schema/wiring.ts'
import type { Arrived } from './sources/feed.ts'

interface OverflowOptions {
  /** What is not to come is asked not to. */
  pause(): void
  resume(): void
  drop(arrived: Arrived): void
}

/** Under `drop-oldest`. */
const maxHeld = 1_000

/** What comes while a source may send nothing. */
export class Overflow {
  #options: OverflowOptions
  #held: Arrived[] = []
  #paused = false

  constructor(options: OverflowOptions) {
    this.#options = options
  }

  add(arrived: Arrived, policy: NonNullable<Wiring['source']>['overflow']) {
    const { drop, pause } = this.#options
    if (policy === 'drop-newest') return drop(arrived)
    this.#held.push(arrived)
    if (policy === 'drop-oldest') {
      if (this.#held.length > maxHeld) drop(this.#held.shift()!)
    } else if (!this.#paused) {
      this.#paused = true
      pause()
    }
  }

  /** Passes on what was held, in order, for as long as it may be. */
  release(maySend: () => boolean, send: (arrived: Arrived) => void) {
    while (this.#held.length > 0 && maySend()) send(this.#held.shift()!)
    if (!this.#paused || this.#held.length > 0) return
    this.#paused = false
    this.#options.resume()
  }
}
