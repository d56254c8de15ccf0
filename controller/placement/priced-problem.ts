import type { Compiled, CompiledEdge } from './compiled.ts'
import { Forest } from './forest.ts'
import { Multipliers } from './multipliers.ts'
import { forestsOf, type PairTerm, pairTermsOf } from './pair-terms.ts'
import type { Sites } from './sites.ts'

/**
 * The problem with a price for each thing that couples all items (capacity, overload, latency, links, budget) instead of a
 * limit. What is left are pairs of items, solved exactly on forests; items in several of those are held together by prices
 * too. With any prices, what it costs is no more than what any placement costs that breaks no rule.
 */
export class PricedProblem {
  /** By item: zones that it may be in. */
  readonly open: number[][]
  /** items × sites: 1 where it may be. */
  readonly openSites: Uint8Array
  readonly multipliers: Multipliers
  readonly #model: Compiled
  readonly #sites: Sites
  readonly #maxMoves: number
  readonly #forests: Forest[]
  readonly #at: {
    memory: number
    overload: number
    paths: number
    links: number
    money: number
    moves: number
  }
  /** By forest after the first: where its own multipliers begin. */
  readonly #copies: number[] = []
  /** items × zones: the best site of the zone. */
  readonly #siteIn: Int32Array
  /** items × sites. */
  readonly #siteCost: Float64Array
  /** zones × zones, money for a byte a second. */
  readonly #linkPrice: Float64Array
  /** By edge, money for a millisecond. */
  readonly #msPrice: Float64Array

  constructor(model: Compiled, sites: Sites, maxMoves = Number.POSITIVE_INFINITY) {
    this.#model = model
    this.#sites = sites
    this.#maxMoves = maxMoves
    const { items, zones } = model
    this.openSites = Uint8Array.from(sites.cost, cost => (cost < Number.POSITIVE_INFINITY ? 1 : 0))
    this.open = Array.from({ length: items }, (_, i) =>
      sites.ofZone.flatMap((group, z) => (group.some(s => this.openSites[i * sites.count + s]) ? [z] : [])),
    )
    const everyItem = Array.from({ length: items }, (_, i) => i)
    this.#forests = forestsOf(items, pairTermsOf(model)).map((terms, f) => {
      const own = f === 0 ? everyItem : [...new Set(terms.flatMap(({ a, b }) => [a, b]))]
      return new Forest(zones, items, own, terms)
    })
    const s = sites.count
    const [overload, paths] = [2 * s, 3 * s]
    const links = paths + model.paths.length
    const money = links + model.links.length
    this.#at = { memory: s, overload, paths, links, money, moves: money + 1 }
    const infinite = (count: number) => new Array<number>(count).fill(Number.POSITIVE_INFINITY)
    const highs = [
      ...infinite(2 * s),
      ...Array.from(sites.cpuTarget, target => model.overloadPrice * Math.max(1, target)),
      ...model.paths.map(({ boundMs }) => model.latencyPrice * Math.max(1, boundMs)),
      ...infinite(model.links.length),
      Number.isFinite(model.moneyLimit) ? Number.POSITIVE_INFINITY : 0,
      Number.isFinite(maxMoves) ? Number.POSITIVE_INFINITY : 0,
    ]
    let free = 0
    for (const forest of this.#forests.slice(1)) {
      this.#copies.push(highs.length + free)
      free += forest.items.length * zones
    }
    this.multipliers = new Multipliers(highs, free)
    this.#siteIn = new Int32Array(items * zones)
    this.#siteCost = new Float64Array(items * s)
    this.#linkPrice = new Float64Array(zones * zones)
    this.#msPrice = new Float64Array(model.edges.length)
  }

  /** Fills in what follows from the multipliers. */
  price(): void {
    const { value } = this.multipliers
    const { items, zones, edges, paths, links, cpu, memory } = this.#model
    const sites = this.#sites
    const s = sites.count
    links.forEach(({ from, to, limit }, l) => {
      this.#linkPrice[from * zones + to] = value[this.#at.links + l]! / Math.max(1, limit)
    })
    edges.forEach((edge, e) => {
      this.#msPrice[e] = edge.paths.reduce(
        (sum, p) => sum + value[this.#at.paths + p]! / Math.max(1, paths[p]!.boundMs),
        0,
      )
    })
    const each = Array.from({ length: s }, (_, k) => ({
      cpu:
        value[k]! / Math.max(1, sites.cpuLimit[k]!) +
        value[this.#at.overload + k]! / Math.max(1, sites.cpuTarget[k]!),
      memory: value[this.#at.memory + k]! / Math.max(1, sites.memoryLimit[k]!),
    }))
    const money = value[this.#at.money]! / this.#norm(this.#model.moneyLimit)
    const move = value[this.#at.moves]! / this.#norm(this.#maxMoves)
    const [{ unary }] = this.#forests as [Forest]
    for (let i = 0; i < items; i++)
      for (const z of this.open[i]!) {
        let [least, best] = [Number.POSITIVE_INFINITY, -1]
        for (const k of sites.ofZone[z]!) {
          const at = i * s + k
          if (!this.openSites[at]) continue
          const cost =
            sites.cost[at]! +
            cpu[i]! * each[k]!.cpu +
            memory[i]! * each[k]!.memory +
            money * sites.money[at]! +
            move * sites.moved[at]!
          this.#siteCost[at] = cost
          if (cost < least) {
            least = cost
            best = k
          }
        }
        this.#siteIn[i * zones + z] = best
        unary[i * zones + z] = least
      }
    edges.forEach((edge, e) => {
      const { from, to, broker } = edge
      if (broker < 0) return
      if (from >= 0)
        for (const z of this.open[from]!) unary[from * zones + z]! += this.#way(edge, e, z, broker)
      if (to >= 0) for (const z of this.open[to]!) unary[to * zones + z]! += this.#way(edge, e, broker, z)
    })
    this.#forests.slice(1).forEach((forest, f) => {
      forest.items.forEach((item, at) => {
        const copy = this.#copies[f]! + at * zones
        for (const z of this.open[item]!) {
          forest.unary[item * zones + z] = -value[copy + z]!
          unary[item * zones + z]! += value[copy + z]!
        }
      })
    })
  }

  /** What an edge's way from a zone to another costs. */
  #way({ gib, bytesPerSecond }: CompiledEdge, e: number, a: number, b: number): number {
    const { rtt, price, zones } = this.#model
    const at = a * zones + b
    return gib * price[at]! + bytesPerSecond * this.#linkPrice[at]! + (this.#msPrice[e]! * rtt[at]!) / 2
  }

  readonly #fill = (term: PairTerm, above: number, into: Float64Array): void => {
    const { edges, zones, rtt, price, carrierOf } = this.#model
    const linkPrice = this.#linkPrice
    into.fill(0)
    for (const e of term.edges) {
      const { from, gib, bytesPerSecond } = edges[e]!
      const halfMs = this.#msPrice[e]! / 2
      // Rows are zones of the producer, or of the consumer.
      const [step, across] = from === above ? [zones, 1] : [1, zones]
      for (let a = 0; a < zones; a++) {
        const carrier = carrierOf[a]!
        const there = a * zones + carrier
        const own = gib * price[there]! + bytesPerSecond * linkPrice[there]! + halfMs * rtt[there]!
        for (let b = 0, at = carrier * zones, to = a * step; b < zones; b++, at++, to += across)
          into[to]! += gib * price[at]! + bytesPerSecond * linkPrice[at]! + halfMs * rtt[at]! + own
      }
    }
    if (!term.forbidden) return
    const isTurned = above !== term.a
    for (let a = 0; a < zones; a++)
      for (let b = 0; b < zones; b++)
        if (term.forbidden[a * zones + b])
          into[isTurned ? b * zones + a : a * zones + b] = Number.POSITIVE_INFINITY
  }

  /** The least cost with the prices that there are. */
  solve(): number {
    let total = 0
    for (const forest of this.#forests) total += forest.solve(this.open, this.#fill)
    const { value } = this.multipliers
    const s = this.#sites.count
    const { links, paths, moneyLimit } = this.#model
    for (let k = 0; k < s; k++) {
      total -= value[k]! * share(this.#sites.cpuLimit[k]!)
      total -= value[this.#at.memory + k]! * share(this.#sites.memoryLimit[k]!)
      total -= value[this.#at.overload + k]! * share(this.#sites.cpuTarget[k]!)
    }
    paths.forEach(({ boundMs }, p) => {
      total -= (value[this.#at.paths + p]! * boundMs) / Math.max(1, boundMs)
    })
    links.forEach(({ limit }, l) => {
      total -= value[this.#at.links + l]! * share(limit)
    })
    if (Number.isFinite(moneyLimit)) total -= (value[this.#at.money]! * moneyLimit) / this.#norm(moneyLimit)
    if (Number.isFinite(this.#maxMoves))
      total -= (value[this.#at.moves]! * this.#maxMoves) / this.#norm(this.#maxMoves)
    return total
  }

  /** By item, the site that it has in the last step. */
  get choice(): Int32Array {
    const { items, zones } = this.#model
    const [{ zone }] = this.#forests as [Forest]
    return Int32Array.from({ length: items }, (_, i) => this.#siteIn[i * zones + zone[i]!]!)
  }

  /** How far the answer of the forests is beyond each limit, in limits. */
  differentiate(): void {
    const { gradient } = this.multipliers
    const { items, zones, edges, paths, links, linkAt, rtt, cpu, memory, moneyLimit } = this.#model
    const sites = this.#sites
    const s = sites.count
    const [first] = this.#forests as [Forest]
    gradient.fill(0)
    for (let k = 0; k < s; k++) {
      gradient[k] = -share(sites.cpuLimit[k]!)
      gradient[this.#at.memory + k] = -share(sites.memoryLimit[k]!)
      gradient[this.#at.overload + k] = -share(sites.cpuTarget[k]!)
    }
    let [money, moves] = [0, 0]
    for (let i = 0; i < items; i++) {
      const k = this.#siteIn[i * zones + first.zone[i]!]!
      gradient[k]! += cpu[i]! / Math.max(1, sites.cpuLimit[k]!)
      gradient[this.#at.memory + k]! += memory[i]! / Math.max(1, sites.memoryLimit[k]!)
      gradient[this.#at.overload + k]! += cpu[i]! / Math.max(1, sites.cpuTarget[k]!)
      money += sites.money[i * s + k]!
      moves += sites.moved[i * s + k]!
    }
    if (Number.isFinite(moneyLimit)) gradient[this.#at.money] = (money - moneyLimit) / this.#norm(moneyLimit)
    if (Number.isFinite(this.#maxMoves))
      gradient[this.#at.moves] = (moves - this.#maxMoves) / this.#norm(this.#maxMoves)
    paths.forEach(({ boundMs }, p) => {
      gradient[this.#at.paths + p] = -boundMs / Math.max(1, boundMs)
    })
    links.forEach(({ limit }, l) => {
      gradient[this.#at.links + l] = -share(limit)
    })
    const take = ({ bytesPerSecond, paths: own }: CompiledEdge, a: number, b: number) => {
      for (const p of own)
        gradient[this.#at.paths + p]! += rtt[a * zones + b]! / 2 / Math.max(1, paths[p]!.boundMs)
      const link = linkAt[a * zones + b]!
      if (link >= 0 && a !== b)
        gradient[this.#at.links + link]! += bytesPerSecond / Math.max(1, links[link]!.limit)
    }
    for (const edge of edges) {
      const { from, to, broker } = edge
      if (broker < 0) continue
      if (from >= 0) take(edge, first.zone[from]!, broker)
      if (to >= 0) take(edge, broker, first.zone[to]!)
    }
    for (const { terms, zone } of this.#forests)
      for (const term of terms)
        for (const e of term.edges) {
          const edge = edges[e]!
          const own = zone[edge.from]!
          const carrier = this.#model.carrierOf[own]!
          take(edge, own, carrier)
          take(edge, carrier, zone[edge.to]!)
        }
    this.#forests.slice(1).forEach((forest, f) => {
      forest.items.forEach((item, at) => {
        const copy = this.#copies[f]! + at * zones
        gradient[copy + first.zone[item]!]! += 1
        gradient[copy + forest.zone[item]!]! -= 1
      })
    })
  }

  /** After `solve`: calls back with what it costs more when an item is on a site, zones and sites that are open. */
  eachExcess(callback: (item: number, site: number, excess: number) => void): void {
    const { zones } = this.#model
    const s = this.#sites.count
    const [first] = this.#forests as [Forest]
    first.eachExcess(this.open, this.#fill, (item, zone, excess) => {
      const best = this.#siteCost[item * s + this.#siteIn[item * zones + zone]!]!
      for (const k of this.#sites.ofZone[zone]!)
        if (this.openSites[item * s + k]) callback(item, k, excess + this.#siteCost[item * s + k]! - best)
    })
  }

  close(item: number, site: number): void {
    const s = this.#sites.count
    this.openSites[item * s + site] = 0
    this.open[item] = this.open[item]!.filter(z =>
      this.#sites.ofZone[z]!.some(k => this.openSites[item * s + k]),
    )
  }

  #norm(limit: number) {
    return Number.isFinite(limit) && limit > 0 ? limit : 1
  }
}

/** The limit in its own unit: 1, but for limits that are next to nothing. */
const share = (limit: number) => limit / Math.max(1, limit)
