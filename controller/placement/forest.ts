import type { PairTerm } from './pair-terms.ts'

/** Fills zones × zones with what a pair costs: a row for each zone of `above`, which is one of the two. */
export type FillPair = (term: PairTerm, above: number, into: Float64Array) => void

/** The cheapest zones of items whose pairs make no cycle, found exactly: from the leaves up, and back. */
export class Forest {
  /** Items of this forest. */
  readonly items: readonly number[]
  readonly terms: readonly PairTerm[]
  /** items × zones, by number of the item: what zones cost by themselves. To be filled before `solve`. */
  readonly unary: Float64Array
  /** Zone of each item after `solve`. */
  readonly zone: Int32Array
  readonly #zones: number
  /** Parents before children. */
  readonly #order: number[] = []
  readonly #parent: Int32Array
  readonly #termOf: (PairTerm | undefined)[]
  readonly #below: Float64Array
  readonly #message: Float64Array
  readonly #choice: Int32Array
  readonly #pair: Float64Array

  constructor(zones: number, count: number, items: readonly number[], terms: readonly PairTerm[]) {
    this.items = items
    this.terms = terms
    this.#zones = zones
    this.unary = new Float64Array(count * zones)
    this.zone = new Int32Array(count).fill(-1)
    this.#parent = new Int32Array(count).fill(-1)
    this.#termOf = new Array(count)
    this.#below = new Float64Array(count * zones)
    this.#message = new Float64Array(count * zones)
    this.#choice = new Int32Array(count * zones)
    this.#pair = new Float64Array(zones * zones)
    const neighbours: PairTerm[][] = Array.from({ length: count }, () => [])
    for (const term of terms) {
      neighbours[term.a]!.push(term)
      neighbours[term.b]!.push(term)
    }
    const isSeen = new Uint8Array(count)
    for (const root of items) {
      if (isSeen[root]) continue
      isSeen[root] = 1
      const queue = [root]
      for (const item of queue) {
        this.#order.push(item)
        for (const term of neighbours[item]!) {
          const other = term.a === item ? term.b : term.a
          if (isSeen[other]) continue
          isSeen[other] = 1
          this.#parent[other] = item
          this.#termOf[other] = term
          queue.push(other)
        }
      }
    }
  }

  /** @param open by item, zones that it may be in @returns the least cost; infinite where there is none */
  solve(open: readonly (readonly number[])[], fill: FillPair): number {
    const z = this.#zones
    for (const item of this.items)
      for (const zone of open[item]!) this.#below[item * z + zone] = this.unary[item * z + zone]!
    let total = 0
    for (let at = this.#order.length - 1; at >= 0; at--) {
      const item = this.#order[at]!
      const parent = this.#parent[item]!
      if (parent < 0) {
        total += this.#chooseRoot(item, open[item]!)
        continue
      }
      this.#fill(item, fill)
      this.#pass(item, open[item]!, parent, open[parent]!)
    }
    if (total === Number.POSITIVE_INFINITY) return total
    for (const item of this.#order) {
      const parent = this.#parent[item]!
      if (parent >= 0) this.zone[item] = this.#choice[item * z + this.zone[parent]!]!
    }
    return total
  }

  /** After `solve`: calls back with the least cost of all when an item is in a zone, less the least cost there is. */
  eachExcess(
    open: readonly (readonly number[])[],
    fill: FillPair,
    callback: (item: number, zone: number, excess: number) => void,
  ): void {
    const z = this.#zones
    const through = new Float64Array(this.#below)
    const least = new Float64Array(this.zone.length)
    for (const item of this.#order) {
      const parent = this.#parent[item]!
      if (parent < 0) least[item] = this.#below[item * z + this.zone[item]!]!
      else {
        least[item] = least[parent]!
        this.#fill(item, fill)
        for (const zone of open[item]!) {
          let above = Number.POSITIVE_INFINITY
          for (const up of open[parent]!) {
            const message = this.#message[item * z + up]!
            if (message === Number.POSITIVE_INFINITY) continue
            above = Math.min(above, through[parent * z + up]! - message + this.#pair[up * z + zone]!)
          }
          through[item * z + zone]! += above
        }
      }
      for (const zone of open[item]!) callback(item, zone, through[item * z + zone]! - least[item]!)
    }
  }

  /** Adds to each zone of the parent what the item costs at least there. */
  #pass(item: number, open: readonly number[], parent: number, openAbove: readonly number[]) {
    const z = this.#zones
    const [below, pair] = [this.#below, this.#pair]
    const base = item * z
    for (const up of openAbove) {
      let least = Number.POSITIVE_INFINITY
      let choice = -1
      const row = up * z
      for (let at = 0; at < open.length; at++) {
        const zone = open[at]!
        const cost = below[base + zone]! + pair[row + zone]!
        if (cost < least) {
          least = cost
          choice = zone
        }
      }
      this.#message[base + up] = least
      this.#choice[base + up] = choice
      below[parent * z + up]! += least
    }
  }

  #chooseRoot(item: number, open: readonly number[]): number {
    let least = Number.POSITIVE_INFINITY
    for (const zone of open) {
      const cost = this.#below[item * this.#zones + zone]!
      if (cost >= least) continue
      least = cost
      this.zone[item] = zone
    }
    return least
  }

  #fill(item: number, fill: FillPair) {
    fill(this.#termOf[item]!, this.#parent[item]!, this.#pair)
  }
}
