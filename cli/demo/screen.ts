const QUIET_MS = 10_000

/** Text that scrolls, above one line that is rewritten; without a terminal that line appears now and then. */
export class Screen {
  readonly #stream: NodeJS.WriteStream
  #live = ''
  #lastLive = Date.now()

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  say(text: string) {
    this.#clear()
    this.#stream.write(`${text}\n`)
    if (this.#stream.isTTY) this.#stream.write(this.#live)
  }

  live(text: string) {
    if (this.#stream.isTTY) {
      this.#clear()
      this.#live = text.slice(0, (this.#stream.columns ?? 80) - 1)
      this.#stream.write(this.#live)
    } else if (Date.now() - this.#lastLive > QUIET_MS) {
      this.#lastLive = Date.now()
      this.#stream.write(`${text}\n`)
    }
  }

  /** Ends the line that is rewritten. */
  end() {
    this.#clear()
    this.#live = ''
  }

  #clear() {
    if (this.#stream.isTTY && this.#live) this.#stream.write('\r\x1b[K')
  }
}
