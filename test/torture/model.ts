import type { Entered } from './records.ts'

/** What the dataflow must give, worked out here from what was sent alone: one number after the other, by key. */
export class Model {
  #keys = new Map<string, Key>()

  /** Takes in the next record of a key. */
  add({ k, n, v }: Entered): void {
    let key = this.#keys.get(k)
    if (!key) {
      key = { stamp: 1, left: 2, hash: 4, sums: [0], hashes: [4], values: [0] }
      this.#keys.set(k, key)
    }
    key.stamp = fold(key.stamp, n, v)
    key.left = fold(key.left, n, v)
    const left = key.left ^ key.stamp
    key.hash = fold(fold(key.hash, left, left), 3 ^ key.stamp, v)
    key.sums.push(key.sums.at(-1)! + v)
    key.hashes.push(key.hash)
    key.values.push(v)
  }

  /** Of the numbers from `from` to `to`; undefined when some were never sent. */
  sumOf(k: string, from: number, to: number): number | undefined {
    const sums = this.#keys.get(k)?.sums
    const end = sums?.[to]
    return end === undefined || from < 1 || from > to ? undefined : end - sums![from - 1]!
  }

  /** Of the first `n` records of a key; undefined when so many were never sent. */
  at(k: string, n: number): { sum: number; hash: number; v: number } | undefined {
    const key = this.#keys.get(k)
    const sum = key?.sums[n]
    return sum === undefined || n < 1 ? undefined : { sum, hash: key!.hashes[n]!, v: key!.values[n]! }
  }
}

interface Key {
  stamp: number
  left: number
  hash: number
  sums: number[]
  hashes: number[]
  values: number[]
}

/** As the functions do it, written once more: the checker shares no code with what it checks. */
function fold(hash: number, n: number, v: number): number {
  return Math.imul(Math.imul(hash ^ n, 16_777_619) ^ v, 2_246_822_519) >>> 0
}
