import { AwayKeys } from './away-keys.ts'

/** Memory for the values of all partitions of one host, bytes. */
export const maxCachedBytes = 16 * 1024 * 1024

/** Of a key with a value, beside their characters: measured, 90 to 110. */
const entryBytes = 110
/** So that not every commit has to look for what goes. */
const roomAfterwards = 1 / 8
/** Time for others: a fifth of a million keys may have to go when a host gets more partitions. */
const maxPutAway = 5_000

/**
 * Values of keys of which the broker has the same, as JSON. What has not been used for longest is put away when they
 * take too much memory: then only the broker has it.
 */
export class StateCache {
  /** Least recently written first. */
  #values = new Map<string, string>()
  #bytes = 0
  #away = new AwayKeys()
  #inUse = new Map<string, number>()
  #maxBytes: () => number

  /** @param maxBytes asked again and again: it may change with the number of partitions */
  constructor(maxBytes: () => number) {
    this.#maxBytes = maxBytes
  }

  get(key: string): string | undefined {
    return this.#values.get(key)
  }

  has(key: string): boolean {
    return this.#values.has(key) || this.#away.has(key)
  }

  /** Only the broker has its value. */
  isAway(key: string): boolean {
    return this.#away.size > 0 && !this.#values.has(key) && this.#away.has(key)
  }

  put(key: string, json: string) {
    this.#values.set(key, json)
    this.#bytes += bytesOf(key, json)
  }

  /** Takes a value out: it is about to change. */
  take(key: string): string | undefined {
    const json = this.#values.get(key)
    if (json === undefined) return undefined
    this.#values.delete(key)
    this.#bytes -= bytesOf(key, json)
    return json
  }

  /** Takes a value in of which it is not known whether it is there, as far as there is room.
   *  @returns false when it was there */
  restore(key: string, json: string): boolean {
    if (this.#values.has(key)) return false
    if (this.#bytes >= this.#maxBytes()) return this.#away.add(key, json)
    if (this.#away.has(key)) return false
    this.put(key, json)
    return true
  }

  /** Whether this is what was put away, and not an older value, which a broker may still show for a moment. */
  isNewest(key: string, json: string): boolean {
    return this.#away.hasWith(key, json)
  }

  /** Takes back what was put away. @param values in the order in which they are needed */
  bring(values: [key: string, json: string][]) {
    for (const [key, json] of values.toReversed()) {
      this.#away.delete(key)
      this.put(key, json) // the first is the last to go again
    }
    this.trim()
  }

  /** Nothing is put away of a key that a handler has. Ends with as many calls of `release`. */
  hold(key: string) {
    this.#inUse.set(key, (this.#inUse.get(key) ?? 0) + 1)
  }

  release(key: string) {
    const uses = this.#inUse.get(key)! - 1
    if (uses > 0) this.#inUse.set(key, uses)
    else this.#inUse.delete(key)
  }

  /** Puts away what is too much. */
  trim() {
    const maxBytes = this.#maxBytes()
    if (this.#bytes <= maxBytes) return
    // The newest stays, however large it is: it has just been brought, for a record that waits for it.
    let left = Math.min(maxPutAway, this.#values.size - 1)
    for (const [key, json] of this.#values) {
      if (this.#bytes <= maxBytes * (1 - roomAfterwards) || left === 0) return
      left -= 1
      if (!this.#inUse.has(key) && this.#away.add(key, json)) this.take(key)
    }
  }
}

const bytesOf = (key: string, json: string) => entryBytes + key.length + json.length
