import { type Duration, lengthOf } from './duration.ts'
import { type Handler, handlerOf } from './handler.ts'
import { Patience, type PatienceOptions } from './patience.ts'
import { type Aggregation, type Assign, type WindowState, windowed } from './windowed.ts'

export interface SessionOptions<In, Acc, Out> extends Aggregation<In, Acc, Out>, PatienceOptions {
  /** A session ends when no record comes for this long, in event time. */
  gap: Duration
  /** Joins two sessions that a record between them makes one; `a` is the earlier. */
  merge: (a: Acc, b: Acc) => Acc
}

/**
 * Sessions: records whose event times lie less than `gap` apart count together. `window.end` is the last record's
 * time plus `gap`.
 *
 * @example
 * const visits = session({
 *   gap: '30m',
 *   start: (): string[] => [],
 *   add: (pages, { page }: View) => [...pages, page],
 *   merge: (a, b) => [...a, ...b],
 *   result: (pages, { start }, visitor) => ({ visitor, start, pages: pages.length }),
 * })
 * export default visits
 * export const timer = visits.timer
 */
export function session<In, Acc, Out>(
  options: SessionOptions<In, Acc, Out>,
): Handler<In, Exclude<Out, undefined>, WindowState<Acc>> {
  const gap = lengthOf('gap', options.gap)
  return handlerOf(windowed(sessions(gap, options), options.result, new Patience(options)))
}

/** Sessions never overlap, so one record touches at most two. */
export function sessions<In, Acc>(
  gapMs: number,
  { start, add, merge }: Pick<SessionOptions<In, Acc, unknown>, 'start' | 'add' | 'merge'>,
): Assign<In, Acc> {
  return (open, record, time, watermark) => {
    const end = time + gapMs
    const touched = open.filter(([from, to]) => from < end && to > time).toSorted((a, b) => a[0] - b[0])
    if (touched.length === 0 && end <= watermark) return undefined
    const acc = touched.length === 0 ? start() : touched.map(([, , each]) => each).reduce(merge)
    const from = Math.min(time, ...touched.map(([each]) => each))
    const to = Math.max(end, ...touched.map(([, each]) => each))
    return [...open.filter(pane => !touched.includes(pane)), [from, to, add(acc, record, time)]]
  }
}
