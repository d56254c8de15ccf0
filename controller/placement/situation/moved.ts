import type { Window } from '../../telemetry/window.ts'

/** When functions were seen on other nodes than before, ms since the epoch: one entry for each time. Pure.
 *  @param windows oldest first */
export function movedIn(windows: readonly Window[]): number[] {
  const places = new Map<string, Set<string>>()
  return windows.flatMap(({ start, lengthMs, functions }) =>
    Object.entries(functions).flatMap(([name, nodes]) => {
      const now = Object.keys(nodes)
      const before = places.get(name)
      // While it moves it is on both: it has moved once it is on none of those before.
      if (before && now.some(node => before.has(node))) return []
      places.set(name, new Set(now))
      return before ? [start + lengthMs] : []
    }),
  )
}
