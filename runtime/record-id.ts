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
  const left = String(a)
  const right = String(b)
  let [i, j] = [0, 0]
  while (i < left.length || j < right.length) {
    const [iEnd, jEnd] = [groupEnd(left, i), groupEnd(right, j)]
    const difference = groupOf(left, i, iEnd) - groupOf(right, j, jEnd)
    if (difference !== 0) return difference
    i = iEnd + 1
    j = jEnd + 1
  }
  return 0
}

function groupEnd(seq: string, from: number): number {
  const end = seq.indexOf('.', from)
  return end === -1 ? seq.length : end
}

/** Digit by digit: records are compared all the time, and text that is cut out would be garbage. */
function groupOf(seq: string, from: number, end: number): number {
  let value = 0
  for (let i = from; i < end; i++) value = value * 10 + seq.charCodeAt(i) - 48
  return value
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
