import { Random } from './random.ts'

/** What the load sends: the `n`th record of the key `k`, counted from 1, with a number `v`. */
export interface Entered {
  k: string
  /** A second key, that many of the first share. */
  g: string
  n: number
  v: number
  /** Tells it from all others: the source drops what brings it again. */
  id: string
  /** It is sent twice. */
  again?: true
}

export const keys = 64
const groups = 8
const againShare = 0.02

/** All records of a run, in the order in which they are sent. */
export function* recordsOf(seed: number, count: number): Generator<Entered> {
  const random = new Random(seed)
  const last = new Array<number>(keys).fill(0)
  for (let i = 0; i < count; i++) {
    const key = random.between(0, keys - 1)
    last[key]! += 1
    const n = last[key]!
    const record = {
      k: `k${key}`,
      g: `g${key % groups}`,
      n,
      v: random.between(0, 999_999),
      id: `${key}/${n}`,
    }
    yield random.next() < againShare ? { ...record, again: true } : record
  }
}
