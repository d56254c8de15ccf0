import type { Aggregation, Assign, Pane } from './windowed.ts'

/** Windows of a fixed size that begin at multiples of `everyMs` since the epoch. */
export function aligned<In, Acc>(
  sizeMs: number,
  everyMs: number,
  { start, add }: Pick<Aggregation<In, Acc, unknown>, 'start' | 'add'>,
): Assign<In, Acc> {
  return (before, record, time, watermark) => {
    const open = [...before]
    let late = true
    const last = Math.floor(time / everyMs) * everyMs
    for (let from = last; from > time - sizeMs && from + sizeMs > watermark; from -= everyMs) {
      late = false
      const index = open.findIndex(([each]) => each === from)
      const acc = index === -1 ? start() : open[index]![2]
      const pane: Pane<Acc> = [from, from + sizeMs, add(acc, record, time)]
      if (index === -1) open.push(pane)
      else open[index] = pane
    }
    return late ? undefined : open
  }
}
