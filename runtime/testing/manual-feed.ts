import type { Emit, Feed } from '../sources/feed.ts'

/** A source that a test feeds by hand. */
export class ManualFeed implements Feed {
  #emit: Emit | undefined
  #started: () => void = () => {}
  readonly started = new Promise<void>(resolve => {
    this.#started = resolve
  })

  async start(emit: Emit) {
    this.#emit = emit
    this.#started()
  }

  pause() {}
  resume() {}
  async stop() {}

  /** Resolves once the source has passed the value on. */
  async send(value: unknown, options: { time?: number; topic?: string }): Promise<void> {
    await this.started
    await new Promise<unknown>(done => this.#emit!({ value, ...options, done }))
  }
}
