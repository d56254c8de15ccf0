import type { Compiled } from './compiled.ts'

/** What two items cost together, by the zone of each: edges through the producer's broker, and rules of two. */
export interface PairTerm {
  a: number
  b: number
  /** Numbers of edges whose broker is in the zone of the producer. */
  edges: number[]
  /** zones × zones, 1 where a rule forbids it. Absent: nothing is forbidden. */
  forbidden?: Uint8Array
  /** Traffic, GiB an hour. */
  weight: number
}

export function pairTermsOf(model: Compiled): PairTerm[] {
  const terms = new Map<string, PairTerm>()
  const termOf = (one: number, other: number) => {
    const [a, b] = [Math.min(one, other), Math.max(one, other)]
    const key = `${a} ${b}`
    const term = terms.get(key) ?? { a, b, edges: [], weight: 0 }
    terms.set(key, term)
    return term
  }
  model.edges.forEach(({ from, to, broker, gib }, e) => {
    if (broker >= 0) return
    const term = termOf(from, to)
    term.edges.push(e)
    term.weight += gib
  })
  const { zones, rtt } = model
  for (const rule of model.pairRules) {
    if (rule.kind === 'apart' || rule.a === rule.b) continue
    const term = termOf(rule.a, rule.b)
    term.forbidden ??= new Uint8Array(zones * zones)
    for (let za = 0; za < zones; za++)
      for (let zb = 0; zb < zones; zb++) {
        const [x, y] = rule.a === term.a ? [za, zb] : [zb, za]
        // `with` asks for one node: one zone is what a bound by zones can say of it.
        const isFine = rule.kind === 'with' ? za === zb : rtt[za * zones + zb]! <= rule.maxRttMs
        if (!isFine) term.forbidden[x * zones + y] = 1
      }
  }
  return [...terms.values()]
}

/** Splits terms into forests, the heaviest first, so that each can be solved exactly from its leaves. */
export function forestsOf(items: number, terms: readonly PairTerm[]): PairTerm[][] {
  const forests: PairTerm[][] = []
  let rest = terms.toSorted((a, b) => b.weight - a.weight)
  while (rest.length > 0) {
    const root = Array.from({ length: items }, (_, i) => i)
    const find = (i: number): number => {
      while (root[i] !== i) {
        root[i] = root[root[i]!]!
        i = root[i]!
      }
      return i
    }
    const forest: PairTerm[] = []
    const left: PairTerm[] = []
    for (const term of rest) {
      const [a, b] = [find(term.a), find(term.b)]
      if (a === b) left.push(term)
      else {
        root[a] = b
        forest.push(term)
      }
    }
    forests.push(forest)
    rest = left
  }
  return forests.length === 0 ? [[]] : forests
}
