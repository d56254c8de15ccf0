import { aligned } from './aligned.ts'
import { type Duration, lengthOf } from './duration.ts'
import { type Handler, handlerOf } from './handler.ts'
import { Patience, type PatienceOptions } from './patience.ts'
import { type Aggregation, type WindowState, windowed } from './windowed.ts'

export interface TumblingOptions<In, Acc, Out> extends Aggregation<In, Acc, Out>, PatienceOptions {
  /** Length of each window. They follow each other without a gap, from the epoch on: `1h` begins on the hour, UTC. */
  size: Duration
}

/**
 * Cuts event time into windows of one size: each record counts in exactly one, and a window gives one result when it
 * closes.
 *
 * @example
 * const perMinute = tumbling({
 *   size: '1m',
 *   lateness: '10s',
 *   start: () => ({ n: 0, sum: 0 }),
 *   add: ({ n, sum }, { celsius }: Reading) => ({ n: n + 1, sum: sum + celsius }),
 *   result: ({ n, sum }, { start }, room) => ({ room, minute: start, mean: sum / n }),
 * })
 * export default perMinute
 * export const timer = perMinute.timer
 */
export function tumbling<In, Acc, Out>(
  options: TumblingOptions<In, Acc, Out>,
): Handler<In, Exclude<Out, undefined>, WindowState<Acc>> {
  const size = lengthOf('size', options.size)
  return handlerOf(windowed(aligned(size, size, options), options.result, new Patience(options)))
}
