import { randomUUID, hash as sha } from 'node:crypto'
import { hash } from './key.ts'

const leastPlaces = 1_024
const fullest = 0.75

/**
 * Keys of which only the broker has the value: 12 bytes for each place of a table that is at most three quarters full,
 * where a key and its value in memory cost hundreds.
 *
 * A key is known by 52 bits, drawn anew by each owner of a partition: among a million keys two are alike once in 9,000
 * times. What happens then: a restore finds one key too few, says so, and succeeds the next time.
 */
export class AwayKeys {
  #seed = randomUUID()
  /** 0: free. */
  #names = new Float64Array(0)
  /** Of the values. */
  #digests = new Uint32Array(0)
  #size = 0

  get size() {
    return this.#size
  }

  has(key: string): boolean {
    return this.#size > 0 && this.#names[this.#placeOf(this.#nameOf(key))] !== 0
  }

  /** Whether this is the value that the key was added with. */
  hasWith(key: string, json: string): boolean {
    if (this.#size === 0) return false
    const name = this.#nameOf(key)
    const place = this.#placeOf(name)
    return this.#names[place] === name && this.#digests[place] === hash(json)
  }

  /** @returns false, changing nothing, when it was there, or cannot be told from one that is */
  add(key: string, json: string): boolean {
    if (this.#size + 1 > this.#names.length * fullest) this.#grow()
    const name = this.#nameOf(key)
    const place = this.#placeOf(name)
    if (this.#names[place] !== 0) return false
    this.#names[place] = name
    this.#digests[place] = hash(json)
    this.#size += 1
    return true
  }

  delete(key: string) {
    if (this.#size === 0) return
    let hole = this.#placeOf(this.#nameOf(key))
    if (this.#names[hole] === 0) return
    this.#size -= 1
    const places = this.#names.length
    // What comes behind, and has given way to others, moves up: a search ends at the first free place.
    for (let place = (hole + 1) % places; this.#names[place] !== 0; place = (place + 1) % places) {
      const wanted = this.#names[place]! % places
      const stays = hole < place ? hole < wanted && wanted <= place : hole < wanted || wanted <= place
      if (stays) continue
      this.#names[hole] = this.#names[place]!
      this.#digests[hole] = this.#digests[place]!
      hole = place
    }
    this.#names[hole] = 0
  }

  #nameOf(key: string): number {
    return Number.parseInt(sha('sha1', this.#seed + key, 'hex').slice(0, 13), 16) || 1
  }

  /** Where a name is, or is to be. */
  #placeOf(name: number): number {
    const places = this.#names.length
    let place = name % places
    while (this.#names[place] !== 0 && this.#names[place] !== name) place = (place + 1) % places
    return place
  }

  #grow() {
    const names = this.#names
    const digests = this.#digests
    const places = Math.max(leastPlaces, 2 * names.length)
    this.#names = new Float64Array(places)
    this.#digests = new Uint32Array(places)
    for (const [i, name] of names.entries()) {
      if (name === 0) continue
      const place = this.#placeOf(name)
      this.#names[place] = name
      this.#digests[place] = digests[i]!
    }
  }
}
