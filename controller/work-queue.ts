import { Problem } from '../schema/problem.ts'
import { backoffMs } from './backoff.ts'

/** @returns when to look again without an event, ms; undefined: only an event brings the key back */
export type Handle = (key: string) => Promise<number | undefined>

interface Item {
  running: boolean
  /** Asked for again while running. */
  dirty: boolean
  failures: number
  timer?: NodeJS.Timeout
}

/**
 * Runs one pass at a time for each key, and any number of keys side by side. Events only name a key: ten of
 * them during a pass make one more pass. A pass that throws comes back later and later, or when its
 * Problem says; others don't wait.
 */
export class WorkQueue {
  #items = new Map<string, Item>()
  #handle: Handle
  #onError: (key: string, error: unknown, retryMs: number) => void
  #closed = false
  #idle = Promise.withResolvers<void>()

  constructor(handle: Handle, onError: (key: string, error: unknown, retryMs: number) => void) {
    this.#handle = handle
    this.#onError = onError
  }

  add(key: string): void {
    if (this.#closed) return
    const item = this.#items.get(key) ?? { running: false, dirty: false, failures: 0 }
    this.#items.set(key, item)
    if (item.running) item.dirty = true
    else this.#schedule(key, item, 0)
  }

  forget(key: string): void {
    clearTimeout(this.#items.get(key)?.timer)
    this.#items.delete(key)
  }

  /** Starts nothing more, and waits for the passes that run: how they end is told to nobody. */
  async close(): Promise<void> {
    this.#closed = true
    for (const { timer } of this.#items.values()) clearTimeout(timer)
    if (this.#isIdle()) return
    await this.#idle.promise
  }

  #schedule(key: string, item: Item, delayMs: number) {
    clearTimeout(item.timer)
    item.timer = setTimeout(() => void this.#run(key, item), delayMs)
    if (delayMs > 0) item.timer.unref()
  }

  async #run(key: string, item: Item) {
    item.running = true
    item.dirty = false
    let againMs: number | undefined
    try {
      againMs = await this.#handle(key)
      item.failures = 0
    } catch (error) {
      item.failures += 1
      againMs = (error instanceof Problem ? error.againMs : undefined) ?? backoffMs(item.failures)
      if (!this.#closed) this.#onError(key, error, againMs)
    }
    item.running = false
    if (this.#closed) {
      if (this.#isIdle()) this.#idle.resolve()
    } else if (this.#items.get(key) === item) {
      if (item.dirty) this.#schedule(key, item, 0)
      else if (againMs !== undefined) this.#schedule(key, item, againMs)
    }
  }

  #isIdle() {
    return ![...this.#items.values()].some(item => item.running)
  }
}
