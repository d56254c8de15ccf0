import { aligned } from './aligned.ts'
import { type Duration, lengthOf } from './duration.ts'
import { type Handler, handlerOf } from './handler.ts'
import { Patience, type PatienceOptions } from './patience.ts'
import { type Aggregation, type WindowState, windowed } from './windowed.ts'

export interface SlidingOptions<In, Acc, Out> extends Aggregation<In, Acc, Out>, PatienceOptions {
  /** Length of each window. */
  size: Duration
  /** From the start of one window to the start of the next; at most `size`. */
  every: Duration
}

/** Windows that one record may be in, so that state stays small. */
const maxWindows = 1_000

/**
 * Overlapping windows (also called hopping): each record counts in the `size / every` windows of its time.
 *
 * @example
 * const load = sliding({
 *   size: '5m',
 *   every: '1m',
 *   start: () => 0,
 *   add: (requests, _request: Request) => requests + 1,
 *   result: (requests, { end }, server) => ({ server, at: end, perMinute: requests / 5 }),
 * })
 * export default load
 * export const timer = load.timer
 */
export function sliding<In, Acc, Out>(
  options: SlidingOptions<In, Acc, Out>,
): Handler<In, Exclude<Out, undefined>, WindowState<Acc>> {
  const size = lengthOf('size', options.size)
  const every = lengthOf('every', options.every)
  if (every > size)
    throw new TypeError('every must not be longer than size: records between windows would be lost')
  if (size / every > maxWindows) throw new TypeError(`every must be at least size / ${maxWindows}`)
  return handlerOf(windowed(aligned(size, every, options), options.result, new Patience(options)))
}
