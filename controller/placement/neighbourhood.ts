import type { Compiled } from './compiled.ts'
import { compareScores, type Score } from './score.ts'
import type { SearchState } from './search-state.ts'

/** What can be changed of a placement in one step. */
export class Neighbourhood {
  readonly #model: Compiled
  readonly #state: SearchState
  readonly #random: () => number
  /** By item: nodes on which the fewest of its own rules are broken. */
  readonly #candidates: number[][]
  /** By item: every node that it may be on at all. */
  readonly #every: readonly (readonly number[])[]
  /** items × nodes: 1 for those. */
  readonly #may: Uint8Array
  /** By item: those that it exchanges records with, or has a rule with. */
  readonly #partners: number[][]
  readonly #together: number[][]
  readonly #nodesOf: number[][]
  #undo: number[] = []

  constructor(
    model: Compiled,
    state: SearchState,
    random: () => number,
    allowed: ReadonlyMap<number, readonly number[]> = new Map(),
  ) {
    this.#model = model
    this.#state = state
    this.#random = random
    const all = Array.from({ length: model.nodes }, (_, k) => k)
    this.#every = Array.from({ length: model.items }, (_, i) => allowed.get(i) ?? all)
    this.#may = new Uint8Array(model.items * model.nodes)
    this.#every.forEach((nodes, i) => {
      for (const k of nodes) this.#may[i * model.nodes + k] = 1
    })
    this.#candidates = this.#every.map((nodes, i) => {
      const broken = nodes.map(k => model.unaryBroken[i * model.nodes + k]!)
      const least = Math.min(...broken)
      return nodes.filter((_, at) => broken[at] === least)
    })
    this.#partners = this.#every.map((_, i) => {
      const others = model.edgesOf[i]!.flatMap(e => [model.edges[e]!.from, model.edges[e]!.to])
      for (const r of model.pairRulesOf[i]!) others.push(model.pairRules[r]!.a, model.pairRules[r]!.b)
      return [...new Set(others)].filter(other => other >= 0 && other !== i)
    })
    this.#together = this.#every.map((_, i) => {
      const rules = model.pairRulesOf[i]!.map(r => model.pairRules[r]!).filter(({ kind }) => kind === 'with')
      return [...new Set(rules.flatMap(({ a, b }) => [a, b]))].filter(other => other !== i)
    })
    this.#nodesOf = Array.from({ length: model.zones }, (_, z) => all.filter(k => model.zoneOf[k] === z))
  }

  /** Changes the state at random: moves an item, exchanges two, or brings several to one zone. */
  propose(): void {
    this.#undo = []
    const item = this.#pick(this.#model.items)
    const kind = this.#random()
    if (this.#together[item]!.length > 0 && kind < 0.4) this.#moveTogether(item)
    else if (kind < 0.7) this.#move(item, this.#target(item))
    else if (kind < 0.85) this.#exchange(item)
    else this.#gather(item)
  }

  undo(): void {
    for (let i = this.#undo.length - 2; i >= 0; i -= 2) this.#state.move(this.#undo[i]!, this.#undo[i + 1]!)
    this.#undo = []
  }

  /** Makes the best single move of each item, then exchanges. @returns whether anything became better */
  improve(maxMoves: number): boolean {
    // Pairs are too many where there are many items, and the search exchanges at random anyway.
    const isBetter = Number.isFinite(maxMoves) ? this.#improveMost(maxMoves) : this.improveSingly(maxMoves)
    return isBetter || (this.#model.items <= 150 && this.#improveByExchange(maxMoves))
  }

  /** Makes the best single move of each item. @returns whether anything became better */
  improveSingly(maxMoves: number): boolean {
    let isBetter = false
    for (let i = 0; i < this.#model.items; i++) {
      let best = this.#state.score
      let bestNode = -1
      const before = this.#state.node[i]!
      for (const k of this.#every[i]!) {
        this.#state.move(i, k)
        if (this.#isAllowed(maxMoves) && compareScores(this.#state, best) < 0) {
          best = this.#state.score
          bestNode = k
        }
      }
      this.#state.move(i, bestNode < 0 ? before : bestNode)
      isBetter ||= bestNode >= 0
    }
    return isBetter
  }

  /** Makes the one move that is best of all: where few are allowed, the first good one may not take the place of it. */
  #improveMost(maxMoves: number): boolean {
    let best = this.#state.score
    let found: { item: number; to: number } | undefined
    for (let i = 0; i < this.#model.items; i++) {
      const before = this.#state.node[i]!
      for (const k of this.#every[i]!) {
        this.#state.move(i, k)
        if (!this.#isAllowed(maxMoves) || compareScores(this.#state, best) >= 0) continue
        best = this.#state.score
        found = { item: i, to: k }
      }
      this.#state.move(i, before)
    }
    if (found) this.#state.move(found.item, found.to)
    return found !== undefined
  }

  #improveByExchange(maxMoves: number): boolean {
    const { node } = this.#state
    let best: Score = this.#state.score
    for (let i = 0; i < this.#model.items; i++)
      for (let j = i + 1; j < this.#model.items; j++) {
        const [a, b] = [node[i]!, node[j]!]
        if (a === b || !this.#isOpen(i, b) || !this.#isOpen(j, a)) continue
        this.#state.move(i, b)
        this.#state.move(j, a)
        if (this.#isAllowed(maxMoves) && compareScores(this.#state, best) < 0) return true
        this.#state.move(i, a)
        this.#state.move(j, b)
        best = this.#state.score
      }
    return false
  }

  #isOpen(item: number, k: number) {
    return this.#may[item * this.#model.nodes + k] === 1
  }

  #isAllowed(maxMoves: number) {
    return this.#state.moves <= maxMoves
  }

  #pick(count: number) {
    return Math.floor(this.#random() * count)
  }

  #move(item: number, to: number) {
    this.#undo.push(item, this.#state.node[item]!)
    this.#state.move(item, to)
  }

  #exchange(item: number) {
    const other = this.#pick(this.#model.items)
    const { node } = this.#state
    const [a, b] = [node[item]!, node[other]!]
    if (!this.#isOpen(item, b) || !this.#isOpen(other, a)) return
    this.#move(item, b)
    this.#move(other, a)
  }

  #moveTogether(item: number) {
    const to = this.#target(item)
    const group = this.#random() < 0.2 ? [item] : [item, ...this.#together[item]!]
    for (const one of group) if (this.#isOpen(one, to)) this.#move(one, to)
  }

  /** Brings a group that exchanges records, most of it in one zone now, to the zone of one that it exchanges some with. */
  #gather(item: number) {
    const { zoneOf } = this.#model
    const { node } = this.#state
    const home = zoneOf[node[item]!]
    const joins = 0.4 + 0.6 * this.#random()
    const most = 2 + this.#pick(14)
    const group = [item]
    const outside: number[] = []
    const isSeen = new Set(group)
    for (const one of group)
      for (const partner of this.#partners[one]!) {
        if (isSeen.has(partner)) continue
        isSeen.add(partner)
        const isHere = zoneOf[node[partner]!] === home
        if (!isHere) outside.push(zoneOf[node[partner]!]!)
        if (group.length < most && this.#random() < (isHere ? joins : 0.1)) group.push(partner)
      }
    const isNear = outside.length > 0 && this.#random() < 0.7
    const zone = isNear ? outside[this.#pick(outside.length)]! : zoneOf[this.#target(item)]!
    for (const one of group) {
      const to = this.#roomiest(one, zone)
      if (to >= 0) this.#move(one, to)
    }
  }

  /** Of the zone's nodes that an item may be on, the one with the largest share of room; -1 where there is none. */
  #roomiest(item: number, zone: number): number {
    const { nodes, unaryBroken, cpuLimit, memoryLimit } = this.#model
    const { cpuUsed, memoryUsed } = this.#state
    let [best, most] = [-1, Number.NEGATIVE_INFINITY]
    for (const k of this.#nodesOf[zone]!) {
      if (!this.#isOpen(item, k)) continue
      const used = Math.max(cpuUsed[k]! / cpuLimit[k]!, memoryUsed[k]! / memoryLimit[k]!)
      const room = -used - 10 * unaryBroken[item * nodes + k]!
      if (room <= most) continue
      most = room
      best = k
    }
    return best
  }

  /** A node for an item: beside a partner, where it was, or anywhere. */
  #target(item: number): number {
    const { nodes, current, zoneOf, unaryBroken } = this.#model
    const { node } = this.#state
    const candidates = this.#candidates[item]!
    const kind = this.#random()
    if (kind < 0.05) return this.#every[item]![this.#pick(this.#every[item]!.length)]!
    if (kind < 0.1 && current[item]! >= 0 && this.#isOpen(item, current[item]!)) return current[item]!
    const partners = this.#partners[item]!
    if (kind < 0.55 && partners.length > 0) {
      const zone = zoneOf[node[partners[this.#pick(partners.length)]!]!]!
      const near = this.#nodesOf[zone]!
      const one = kind < 0.3 ? this.#roomiest(item, zone) : near[this.#pick(near.length)]!
      if (one >= 0 && unaryBroken[item * nodes + one] === 0 && this.#isOpen(item, one)) return one
    }
    return candidates[this.#pick(candidates.length)]!
  }
}
