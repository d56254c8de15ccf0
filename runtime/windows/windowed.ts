import type { Operator, Step } from './operator.ts'
import type { Patience } from './patience.ts'

/** A span of event time, ms since the epoch: from `start`, up to but not including `end`. */
export interface Window {
  start: number
  end: number
}

/** What is gathered in a window, and what becomes of it. */
export interface Aggregation<In, Acc, Out> {
  /** What an empty window holds; plain JSON. */
  start: () => Acc
  /** What it holds with one more record. Records come in the order of their arrival; `time` is the event time. */
  add: (acc: Acc, record: In, time: number) => Acc
  /** The record that leaves when the window closes; `undefined`: none. `key` is '' where the function has none. */
  result: (acc: Acc, window: Window, key: string) => Out
}

/** Kept for each key. */
export interface WindowState<Acc> {
  watermark: number
  /** In the order in which they close. */
  open: Pane<Acc>[]
}

export type Pane<Acc> = [start: number, end: number, acc: Acc]

/** Puts one record into the windows of its time that end after the watermark.
 *  @returns all open windows, in any order; `undefined` when the record is too late for each of its own */
export type Assign<In, Acc> = (
  open: Pane<Acc>[],
  record: In,
  time: number,
  watermark: number,
) => Pane<Acc>[] | undefined

/** Windows of any kind: a window closes when the watermark reaches its end. */
export function windowed<In, Acc, Out>(
  assign: Assign<In, Acc>,
  result: Aggregation<In, Acc, Out>['result'],
  patience: Patience,
): Operator<In, Exclude<Out, undefined>, WindowState<Acc>> {
  type Result = Exclude<Out, undefined>

  function close(all: Pane<Acc>[], watermark: number, key: string): { open: Pane<Acc>[]; results: Result[] } {
    const results = all
      .filter(([, end]) => end <= watermark)
      .map(([start, end, acc]) => result(acc, { start, end }, key))
      .filter(each => each !== undefined) as Result[]
    return { open: all.filter(([, end]) => end > watermark), results }
  }

  return {
    add(state, record, { time, now, key }): Step<WindowState<Acc>, Result> {
      const watermark = patience.watermark(state?.watermark, time)
      const before = state?.open ?? []
      const assigned = assign(before, record, time, watermark)
      const sorted = (assigned ?? before).toSorted((a, b) => a[1] - b[1] || a[0] - b[0])
      const { open, results } = close(sorted, watermark, key)
      const timerAt = patience.afterRecord(now, watermark, open[0]?.[1])
      return { state: { watermark, open }, results, timerAt, ...(!assigned && { late: true }) }
    },

    wake(state, at, key): Step<WindowState<Acc>, Result> {
      if (state.open.length === 0) return { state: undefined, results: [], timerAt: undefined }
      const watermark = state.open[0]![1]
      const { open, results } = close(state.open, watermark, key)
      const timerAt = patience.afterTimer(at, watermark, open[0]?.[1])
      return { state: { watermark, open }, results, timerAt }
    },
  }
}
