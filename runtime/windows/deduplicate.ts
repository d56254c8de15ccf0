import { type Duration, lengthOf } from './duration.ts'
import { type Handler, handlerOf } from './handler.ts'
import type { Operator } from './operator.ts'

export interface DeduplicateOptions<In> {
  /** What makes two records the same. */
  by: (record: In) => string | number
  /** How far apart, in event time, two records may be that are the same. Also how far a record may lie behind the
   *  newest of its key: an older one leaves on the output `late`. */
  within: Duration
  /** How many records are remembered for each key. When there are more, the oldest is forgotten. Default 1,000. */
  max?: number
}

/** Records that have passed, oldest first. */
export type Seen = [time: number, id: string | number][]

/**
 * Lets the first of the same records pass, and drops its repeats.
 *
 * @example
 * const once = deduplicate({ by: ({ messageId }: Message) => messageId, within: '10m' })
 * export default once
 * export const timer = once.timer
 */
export function deduplicate<In>(options: DeduplicateOptions<In>): Handler<In, In, Seen> {
  return handlerOf(deduplicating(options))
}

export function deduplicating<In>({
  by,
  within,
  max = 1_000,
}: DeduplicateOptions<In>): Operator<In, In, Seen> {
  const withinMs = lengthOf('within', within)
  // The oldest record that may still come can repeat one that is as much older again.
  const memoryMs = 2 * withinMs
  if (!Number.isInteger(max) || max < 1) throw new TypeError('max must be a whole number from 1')
  return {
    add(state = [], record, { time, now }) {
      const newest = Math.max(time, state.at(-1)?.[0] ?? time)
      const timerAt = now + memoryMs
      if (time <= newest - withinMs) return { state, results: [], late: true, timerAt }
      const id = by(record)
      if (id === undefined || id === null)
        throw new TypeError(`by gave ${id}, which tells no record from another`)
      const seen = state.filter(([each]) => each > newest - memoryMs)
      if (seen.some(([each, other]) => other === id && Math.abs(each - time) < withinMs))
        return { state: seen, results: [], timerAt }
      const at = seen.findLastIndex(([each]) => each <= time) + 1
      return { state: seen.toSpliced(at, 0, [time, id]).slice(-max), results: [record], timerAt }
    },
    // By the clock, all is too old to come again: nothing of a silent key is kept.
    wake: () => ({ state: undefined, results: [], timerAt: undefined }),
  }
}
