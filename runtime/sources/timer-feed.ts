import type { Emit, Feed } from './feed.ts'

/** Emits `{ n, at }` at a steady interval; ticks while the graph is full are skipped, not made up for. */
export class TimerFeed implements Feed {
  #intervalMs: number
  #timer: NodeJS.Timeout | undefined
  #paused = false
  #n = 0

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  async start(emit: Emit) {
    this.#timer = setInterval(() => {
      this.#n += 1
      if (!this.#paused) emit({ value: { n: this.#n, at: new Date().toISOString() }, done() {} })
    }, this.#intervalMs)
  }

  pause() {
    this.#paused = true
  }

  resume() {
    this.#paused = false
  }

  async stop() {
    clearInterval(this.#timer)
  }
}
