import { paint } from './paint.ts'

/**
 * Tells on stderr what takes longer than a second: on a terminal one line that is rewritten, else a line each.
 * Nothing shows when all is done before.
 *
 * @example
 * using progress = new Progress('Checking types')
 */
export class Progress implements Disposable {
  #label: string
  #shown = false
  readonly #terminal = process.stderr.isTTY
  readonly #started = Date.now()
  readonly #timer: NodeJS.Timeout

  constructor(label: string, afterMs = 1000) {
    this.#label = label
    this.#timer = setInterval(() => this.#show(), afterMs)
    this.#timer.unref()
  }

  set label(label: string) {
    if (label === this.#label) return
    this.#label = label
    if (this.#shown) this.#show(true)
  }

  #show(changed = false) {
    if (!this.#terminal && this.#shown && !changed) return
    const seconds = Math.round((Date.now() - this.#started) / 1000)
    const line = paint('dim', `${this.#label} … ${seconds} s`, process.stderr)
    process.stderr.write(this.#terminal ? `\r\x1b[K${line}` : `${this.#label} …\n`)
    this.#shown = true
  }

  /** Clears the line, so that something else can be printed; it comes back by itself. */
  pause() {
    if (this.#shown && this.#terminal) process.stderr.write('\r\x1b[K')
  }

  [Symbol.dispose]() {
    clearInterval(this.#timer)
    this.pause()
  }
}
