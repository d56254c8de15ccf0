import { mergeWindows, type Window } from '../telemetry/window.ts'

/** As many windows tell enough, and more take longer to reckon with. */
const most = 24

/** The same telemetry in few windows of equal length, so that each counts alike; those that have only begun, or were hardly
 *  measured in, are left out. Pure. @param windows oldest first */
export function spansOf(windows: Iterable<Window>): Window[] {
  const all = [...windows]
  const [first, last] = [all[0], all.at(-1)]
  if (!first || !last) return []
  const longest = Math.max(...all.map(({ lengthMs }) => lengthMs))
  const lengthMs = Math.max(longest, (last.start + last.lengthMs - first.start) / most)
  const spans = new Map<number, Window>()
  for (const window of all) {
    const at = Math.floor((window.start + window.lengthMs / 2 - first.start) / lengthMs)
    const before = spans.get(at)
    spans.set(at, before ? mergeWindows(before, window) : window)
  }
  return [...spans.values()].filter(span => span.lengthMs >= lengthMs / 2)
}
