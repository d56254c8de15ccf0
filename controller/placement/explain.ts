import { compile, numbered, placementOf } from './compiled.ts'
import { evaluate, type Terms } from './evaluate.ts'
import type { Instance, Placement } from './instance.ts'
import { LocalSearch } from './local-search.ts'
import { compareScores, type Score } from './score.ts'
import { SearchState } from './search-state.ts'

/** What it would be if an item were in another zone. */
export interface Alternative {
  item: string
  zone: string
  /** The best node there. */
  node: string
  /** Money an hour more than the placement that it is compared with; below 0 it is cheaper. */
  costMore: number
  /** What that is made of, money an hour: terms that differ. */
  more: Partial<Terms>
  /** Rules that would be broken beyond those that are. */
  breaks: string[]
}

/** Each zone that an item could be in instead, the rest as it is, the best first. */
export function explain(instance: Instance, placement: Placement, item: string): Alternative[] {
  const model = compile(instance)
  const before = evaluate(instance, placement)
  const brokenBefore = new Set(before.broken.map(({ rule }) => rule))
  const i = instance.items.findIndex(({ name }) => name === item)
  return bestInZones(model, new SearchState(model, numbered(model, placement)), i)
    .sort((a, b) => compareScores(a.score, b.score))
    .map(({ node }) => {
      const { name, zone } = instance.nodes[node]!
      const after = evaluate(instance, { ...placement, [item]: name })
      return {
        item,
        zone,
        node: name,
        costMore: after.cost - before.cost,
        more: differenceOf(before.terms, after.terms),
        breaks: after.broken.map(({ rule }) => rule).filter(rule => !brokenBefore.has(rule)),
      }
    })
}

/** Terms that differ. */
const differenceOf = (before: Terms, after: Terms): Partial<Terms> =>
  Object.fromEntries(
    (Object.keys(after) as (keyof Terms)[]).flatMap(term => {
      const more = after[term] - before[term]
      return Math.abs(more) > 1e-12 ? [[term, more]] : []
    }),
  )

/** How many single changes are worked out, and for how many steps each. */
const [changes, steps] = [6, 20_000]

/**
 * The best placement found in which at least one item is in another zone: each of the changes that cost least is kept
 * to, and the rest adapted to it.
 *
 * @returns undefined where there is one zone only, or everything is tied
 */
export function runnerUp(
  instance: Instance,
  placement: Placement,
  { seed = 1, maxMoves = instance.budget.moves ?? Number.POSITIVE_INFINITY } = {},
): { placement: Placement; score: Score; change: { item: string; zone: string } } | undefined {
  const model = compile(instance)
  const node = numbered(model, placement)
  const state = new SearchState(model, node)
  const all = instance.items.flatMap((_, i) => bestInZones(model, state, i))
  const best = all
    .filter(({ moves }) => moves <= maxMoves)
    .sort((a, b) => compareScores(a.score, b.score))
    .slice(0, changes)
    .map(change => {
      const zone = model.zoneOf[change.node]!
      const nodes = Array.from(model.zoneOf.keys()).filter(k => model.zoneOf[k] === zone)
      const from = Int32Array.from(node)
      from[change.item] = change.node
      const search = new LocalSearch(model, {
        seed,
        from,
        maxMoves,
        allowed: new Map([[change.item, nodes]]),
      })
      search.run(steps)
      return { ...search.best, change }
    })
    .sort((a, b) => compareScores(a.score, b.score))[0]
  if (!best) return undefined
  const { item, node: changed } = best.change
  return {
    placement: placementOf(model, best.node),
    score: best.score,
    change: { item: instance.items[item]!.name, zone: instance.nodes[changed]!.zone },
  }
}

/** For each zone but its own, the best node for an item. */
function bestInZones(model: ReturnType<typeof compile>, state: SearchState, item: number) {
  const home = state.node[item]!
  const best = new Map<number, { item: number; node: number; score: Score; moves: number }>()
  for (let k = 0; k < model.nodes; k++) {
    const zone = model.zoneOf[k]!
    if (zone === model.zoneOf[home]) continue
    state.move(item, k)
    const known = best.get(zone)
    if (!known || compareScores(state, known.score) < 0)
      best.set(zone, { item, node: k, score: state.score, moves: state.moves })
  }
  state.move(item, home)
  return [...best.values()]
}
