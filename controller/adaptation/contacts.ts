import type { FlowView } from '../broker/flow-view.ts'
import type { ObservedHost } from '../orchestrator/orchestrator.ts'

/** A host that ends again and again is no sign of a link that is cut. One that is silent is ended once for that. */
const maxFailures = 1

/** Tells zones from which hosts run and do not reach the broker, although we do. Times are ms, by `performance.now()`. */
export class Contacts {
  /** By zone: when a host there was heard of last. */
  #heard = new Map<string, number>()
  /** By zone: since when there are hosts. */
  #inUse = new Map<string, number>()

  /** @param zoneOf zone of a node, by its name @returns zones that have been silent for as long as that */
  silent(
    hosts: readonly ObservedHost[],
    { heard, completeSince }: Pick<FlowView, 'heard' | 'completeSince'>,
    zoneOf: ReadonlyMap<string, string>,
    { nowMs, limitMs }: { nowMs: number; limitMs: number },
  ): Set<string> {
    const running = hosts.filter(({ phase, place }) => phase !== 'stopping' && zoneOf.has(place))
    const byZone = Map.groupBy(running, ({ place }) => zoneOf.get(place)!)
    for (const zone of this.#inUse.keys()) if (!byZone.has(zone)) this.#inUse.delete(zone)
    const silent = new Set<string>()
    for (const [zone, all] of byZone) {
      if (!this.#inUse.has(zone)) this.#inUse.set(zone, nowMs)
      const times = all.flatMap(({ id }) => heard.get(id) ?? [])
      const last = Math.max(this.#heard.get(zone) ?? Number.NEGATIVE_INFINITY, ...times)
      if (last === Number.NEGATIVE_INFINITY) continue // nobody has ever been heard there: it may be the code
      this.#heard.set(zone, last)
      const since = Math.max(last, completeSince, this.#inUse.get(zone)!)
      const isRunning = all.every(({ phase, failures }) => phase === 'running' && failures <= maxFailures)
      if (isRunning && nowMs - since >= limitMs) silent.add(zone)
    }
    // Where nobody is heard it is no link: it is the broker, or what we know of it.
    return byZone.size > 1 && silent.size === byZone.size ? new Set() : silent
  }
}
