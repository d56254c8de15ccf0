import { type Duration, lengthOf } from './duration.ts'
import { type Handler, handlerOf } from './handler.ts'
import type { Operator } from './operator.ts'

export interface MovingAverageOptions<In, Out> {
  /** The number to average. */
  of: (record: In) => number
  /** How many values count, the newest by event time. Default 1,000, which is also what keeps the state small. */
  last?: number
  /** How old a value may be that counts, in event time, compared with the newest. */
  over?: Duration
  /** The record that leaves; without it, the average itself. */
  result?: (average: number, record: In) => Out
}

/** Values that count, oldest first. */
export type Values = [time: number, value: number][]

/**
 * For each record, the average of a key's last values: a number of them, those of a time, or both. A record that is
 * older than all that counts leaves on the output `late`.
 *
 * @example
 * const smooth = movingAverage({
 *   over: '5m',
 *   of: ({ celsius }: Reading) => celsius,
 *   result: (celsius, { room }) => ({ room, celsius }),
 * })
 * export default smooth
 * export const timer = smooth.timer
 */
export function movingAverage<In, Out = number>(
  options: MovingAverageOptions<In, Out>,
): Handler<In, Exclude<Out, undefined>, Values> {
  return handlerOf(averaging(options))
}

export function averaging<In, Out = number>(
  options: MovingAverageOptions<In, Out>,
): Operator<In, Exclude<Out, undefined>, Values> {
  type Result = Exclude<Out, undefined>
  const { of, last, over, result = (average: number) => average as Out } = options
  if (last === undefined && over === undefined) throw new TypeError('movingAverage needs last or over')
  const count = last ?? 1_000
  if (!Number.isInteger(count) || count < 1) throw new TypeError('last must be a whole number from 1')
  const overMs = over === undefined ? Number.POSITIVE_INFINITY : lengthOf('over', over)

  return {
    add(state = [], record, { time, now }) {
      const value = of(record)
      if (!Number.isFinite(value)) throw new TypeError(`of gave ${value}, which can't be averaged`)
      const entry: Values[number] = [time, value]
      const at = state.findLastIndex(([each]) => each <= time) + 1
      const newest = Math.max(time, state.at(-1)?.[0] ?? time)
      const values = state
        .toSpliced(at, 0, entry)
        .filter(([each]) => each > newest - overMs)
        .slice(-count)
      const timerAt = over === undefined ? undefined : now + 2 * overMs
      if (!values.includes(entry)) return { state: values, results: [], late: true, timerAt }
      const average = values.reduce((sum, [, value]) => sum + value, 0) / values.length
      const output = result(average, record)
      return { state: values, results: output === undefined ? [] : [output as Result], timerAt }
    },
    // Even a record that comes `over` late is now newer than all that counted: nothing of a silent key is kept.
    ...(over !== undefined && { wake: () => ({ state: undefined, results: [], timerAt: undefined }) }),
  }
}
