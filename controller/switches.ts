import type { DeclaredNode } from '../schema/declared-node.ts'
import type { Alternative, Flow, Node } from '../schema/flow.ts'
import { type Overrides, placedAt, placeText } from './overrides.ts'
import { mayRunOn } from './place.ts'
import { holds, isTimeOnly, type Readings } from './readings.ts'

/** How long a number must be over the line before it counts. */
const steadyMs = 30_000

export interface Switched {
  /** Those that count now. */
  switches: Overrides
  /** What is asked for and can't be done, for people. */
  unheeded: string[]
}

/** Decides which alternatives of `when` count. A value that goes up and down around its line, or is unknown for a
 *  while, moves nothing; nothing is moved to where what is required does not hold. */
export class Switches {
  /** By node of the graph: what would count, and since when, by a clock that can't be set. */
  #wishes = new Map<string, { alternative: Alternative | undefined; sinceMs: number }>()

  /** @param before those that counted @param nowMs monotonic @param now time of day */
  look(
    flow: Flow,
    nodes: readonly DeclaredNode[],
    before: Overrides = {},
    { nowMs, now }: { nowMs: number; now: Date },
  ): Switched {
    const switches: Overrides = {}
    const unheeded: string[] = []
    for (const [name, set] of setsWithWhen(flow)) {
      const old = before[name]
      const when = set[0]!.placement.when!
      const own = nodes.filter(node => set.every(({ placement }) => mayRunOn({ placement }, node)))
      const readings = { own, all: nodes, now }
      const current =
        old &&
        when.find(
          ({ if: { text }, zone, node }) => old.reason === text && old.zone === zone && old.node === node,
        )
      const wish = this.#wish(name, set, when, current, readings, unheeded)
      if (!this.#isSettled(name, wish, current, nowMs)) {
        if (old && current) switches[name] = old
        continue
      }
      if (wish === undefined) continue
      const { zone, node } = wish
      switches[name] =
        old && wish === current
          ? old
          : {
              ...(zone !== undefined && { zone }),
              ...(node !== undefined && { node }),
              by: 'when',
              reason: wish.if.text,
              at: now.toISOString(),
            }
    }
    return { switches, unheeded }
  }

  /** The first alternative that holds, and may be taken. */
  #wish(
    name: string,
    set: Node[],
    when: Alternative[],
    current: Alternative | undefined,
    readings: Readings,
    unheeded: string[],
  ): Alternative | undefined {
    for (const alternative of when) {
      const held = holds(alternative.if, readings, alternative === current)
      const what = `${name}: when ${alternative.if.text}`
      if (held === undefined) unheeded.push(`${what} is not known: no node tells it`)
      if (held === false || (held === undefined && alternative !== current)) continue
      const fits = (node: DeclaredNode) =>
        set.every(({ placement }) => mayRunOn({ placement: placedAt(placement, alternative) }, node))
      if (readings.all.some(fits)) return alternative
      unheeded.push(`${what} is not followed: nothing in ${placeText(alternative)} has what is required`)
    }
    return undefined
  }

  #isSettled(
    name: string,
    wish: Alternative | undefined,
    current: Alternative | undefined,
    nowMs: number,
  ): boolean {
    if (wish === current) {
      this.#wishes.delete(name)
      return true
    }
    // The clock goes one way.
    if ([wish, current].every(each => each === undefined || isTimeOnly(each.if))) return true
    const known = this.#wishes.get(name)
    if (known?.alternative !== wish || known === undefined) {
      this.#wishes.set(name, { alternative: wish, sinceMs: nowMs })
      return false
    }
    return nowMs - known.sinceMs >= steadyMs
  }
}

/** By the first of each set: all that share its place. */
function setsWithWhen({ nodes }: Flow): Map<string, Node[]> {
  const sets = new Map<string, Node[]>()
  const taken = new Set<string>()
  for (const node of nodes) {
    if (node.placement.when === undefined || taken.has(node.name)) continue
    const names = [node.name, ...(node.placement.with ?? [])]
    for (const name of names) taken.add(name)
    sets.set(node.name, [node, ...nodes.filter(({ name }) => name !== node.name && names.includes(name))])
  }
  return sets
}
