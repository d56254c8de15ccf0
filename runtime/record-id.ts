/**
 * Where and as what a record entered the graph, carried through it.
 *
 * `origin` is the path of lanes on which it came, `seq` its place in that origin: digits, joined by `.`,
 * one group for each function that made several records of one. Trailing zeros are left out, so that in
 * a graph of one-to-one functions an id stays a plain number. Along one lane the `seq` of one origin
 * only grows, whatever crashes and repeats, since it depends on nothing but the record it came from.
 */
export interface RecordId {
  origin: string
  seq: Seq
}

/** One group is a number: most records have no other, and it is told from the next without a look at its digits. */
export type Seq = number | string

/** The path of a record from `origin` once it has passed through the reader of `lane`. */
export const originAfter = (origin: string, lane: string) => (origin === '' ? lane : `${origin}/${lane}`)

/** Place of output number `position` (0, 1, …) of the record at `seq`. @param origin the output's own */
export function derivedSeq(origin: string, seq: Seq, position: number): Seq {
  if (position === 0) return seq
  const groups = String(seq).split('.')
  const depth = origin.split('/').length
  while (groups.length < depth) groups.push('0')
  return `${groups.join('.')}.${position}`
}

/** < 0 when `a` comes before `b`, 0 when they are the same place. Missing groups count as 0. */
export function compareSeq(a: Seq, b: Seq): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const left = String(a).split('.')
  const right = String(b).split('.')
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = Number(left[i] ?? 0) - Number(right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

const seqPattern = /^\d{1,15}(\.\d{1,9})*$/
/** A hundred functions in a row make no longer ones. */
const maxSeqLength = 1_024
const maxNumber = 1e15

/** @returns undefined for what is none */
export function seqFrom(value: unknown): Seq | undefined {
  if (typeof value === 'number')
    return Number.isInteger(value) && value >= 0 && value < maxNumber ? value : undefined
  if (typeof value !== 'string' || value.length > maxSeqLength || !seqPattern.test(value)) return undefined
  return value.includes('.') ? value : Number(value)
}

/** Of what is no record, and finished like one: see `turnFrame`. No lane has such a name. */
export const turnOrigin = '~turn'

/** What users see as `ctx.record.id`. */
export const printId = ({ origin, seq }: RecordId) => `${origin}:${seq}`

/** The node at which a record entered the graph. @param origin as it is once a first lane is in it */
export const sourceOf = (origin: string) => origin.split('/', 1)[0]!.split('.', 1)[0]!
