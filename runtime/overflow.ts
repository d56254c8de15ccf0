import type { SourceNode } from '../schema/flow.ts'
import type { Arrived } from './sources/feed.ts'

interface OverflowOptions {
  /** What is not to come is asked not to. */
  pause(): void
  resume(): void
  drop(arrived: Arrived): void
}

/** What is kept in memory under a policy that drops. */
const maxRecords = 1_000
const maxBytes = 16 * 1024 * 1024

/** What comes while a source may send nothing. */
export class Overflow {
  #options: OverflowOptions
  /** Oldest first. */
  #held: Arrived[] = []
  #bytes = 0
  #paused = false

  constructor(options: OverflowOptions) {
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#held.length === 0
  }

  add(arrived: Arrived, policy: SourceNode['overflow']) {
    const { drop } = this.#options
    if (policy === 'block') {
      this.#push(arrived)
      return this.#pause()
    }
    if (policy === 'drop-newest' && this.#isFull) return drop(arrived)
    if (this.#isFull) drop(this.#shift())
    this.#push(arrived)
    arrived.kept?.()
  }

  /** Passes on what was held, in order, for as long as it may be. */
  release(maySend: () => boolean, send: (arrived: Arrived) => void) {
    while (!this.isEmpty && maySend()) send(this.#shift())
    if (!this.#paused || !this.isEmpty) return
    this.#paused = false
    this.#options.resume()
  }

  /** What the outside was told of, and nobody will send. */
  dropAll() {
    while (!this.isEmpty) this.#options.drop(this.#shift())
  }

  get #isFull() {
    return this.#held.length >= maxRecords || this.#bytes >= maxBytes
  }

  #push(arrived: Arrived) {
    this.#held.push(arrived)
    this.#bytes += arrived.payload?.length ?? 0
  }

  #shift(): Arrived {
    const arrived = this.#held.shift()!
    this.#bytes -= arrived.payload?.length ?? 0
    return arrived
  }

  #pause() {
    if (this.#paused) return
    this.#paused = true
    this.#options.pause()
  }
}
