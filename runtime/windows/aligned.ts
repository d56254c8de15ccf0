import type { Aggregation, Assign, Pane } from './windowed.ts'

/** Windows of a fixed size that begin at multiples of `everyMs` since the epoch. */
export function aligned<In, Acc>(
  sizeMs: number,
  everyMs: number,
  { start, add }: Pick<Aggregation<In, Acc, unknown>, 'start' | 'add'>,
): Assign<In, Acc> {
  return (before, record, time, watermark) => {
    const open = new Map<number, Pane<Acc>>(before.map(pane => [pane[0], pane]))
    let late = true
    const last = Math.floor(time / everyMs) * everyMs
    for (let from = last; from > time - sizeMs && from + sizeMs > watermark; from -= everyMs) {
      late = false
      const pane = open.get(from)
      open.set(from, [from, from + sizeMs, add(pane ? pane[2] : start(), record, time)])
    }
    return late ? undefined : [...open.values()]
  }
}
