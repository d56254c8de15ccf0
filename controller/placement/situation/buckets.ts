import { mergeWindows, type Window } from '../../telemetry/window.ts'

const minuteMs = 60_000
/** Lengths of the finest windows, and those that they are kept in, ms. */
const lengths = [1_000, 2_000, 5_000, 10_000, minuteMs, 10 * minuteMs]

/** Windows of about equal length, so that each counts alike: the finer ones together, as long as the longest there is. Pure.
 *  @param windows oldest first */
export function buckets(windows: readonly Window[]): Window[] {
  const longest = Math.max(0, ...windows.map(({ lengthMs }) => lengthMs))
  const lengthMs = lengths.findLast(each => longest >= each * 0.9) ?? lengths[0]!
  const merged = new Map<number, Window>()
  for (const window of windows) {
    const at = Math.floor((window.start + window.lengthMs / 2) / lengthMs)
    const before = merged.get(at)
    merged.set(at, before ? mergeWindows(before, window) : window)
  }
  // One that has only begun says as much as a whole one would: it is left out.
  return [...merged.values()].filter(window => window.lengthMs >= lengthMs / 2)
}
