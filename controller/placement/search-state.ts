import type { Compiled, PairRule } from './compiled.ts'
import type { Score } from './score.ts'

/** A placement with its score, which follows each move at the cost of what the item touches. */
export class SearchState implements Score {
  readonly node: Int32Array
  broken = 0
  severity = 0
  cost = 0
  moves = 0
  #money = 0
  readonly #model: Compiled
  readonly cpuUsed: Float64Array
  readonly memoryUsed: Float64Array
  readonly #linkUsed: Float64Array
  readonly #edgeCost: Float64Array
  readonly #edgeLatency: Float64Array
  readonly #pathLatency: Float64Array

  constructor(model: Compiled, node: ArrayLike<number>) {
    this.#model = model
    this.node = Int32Array.from(node)
    this.cpuUsed = new Float64Array(model.nodes)
    this.memoryUsed = new Float64Array(model.nodes)
    this.#linkUsed = new Float64Array(model.links.length)
    this.#edgeCost = new Float64Array(model.edges.length)
    this.#edgeLatency = new Float64Array(model.edges.length)
    this.#pathLatency = new Float64Array(model.paths.length)
    this.reset(node)
  }

  /** Starts from another placement, with sums that no rounding of earlier moves is in. */
  reset(node: ArrayLike<number>): void {
    const model = this.#model
    this.node.set(node)
    for (const sums of [this.cpuUsed, this.memoryUsed, this.#linkUsed, this.#edgeCost]) sums.fill(0)
    this.#edgeLatency.fill(0)
    this.#pathLatency.fill(0)
    this.broken = this.severity = this.cost = this.moves = this.#money = 0
    for (let i = 0; i < model.items; i++) {
      const k = this.node[i]!
      this.#addUnary(i, k, 1)
      this.cpuUsed[k]! += model.cpu[i]!
      this.memoryUsed[k]! += model.memory[i]!
    }
    for (let k = 0; k < model.nodes; k++) this.#addNode(k, 1)
    for (const rule of model.pairRules) this.#addRule(rule, 1)
    this.#addMoney(1)
    // Everything on edges, links and paths starts from nothing.
    for (let p = 0; p < model.paths.length; p++) this.#addPath(p, 1)
    for (let e = 0; e < model.edges.length; e++) {
      this.#useLinks(e, 1)
      this.#refreshEdge(e)
    }
  }

  get score(): Score {
    return { broken: this.broken, severity: this.severity, cost: this.cost }
  }

  move(item: number, to: number): void {
    const model = this.#model
    const from = this.node[item]!
    if (from === to) return
    const rules = model.pairRulesOf[item]!
    const edges = model.edgesOf[item]!
    const changesZone = model.zoneOf[from] !== model.zoneOf[to]
    for (const r of rules) this.#addRule(model.pairRules[r]!, -1)
    this.#addNode(from, -1)
    this.#addNode(to, -1)
    this.#addMoney(-1)
    this.#addUnary(item, from, -1)
    if (changesZone) for (const e of edges) this.#useLinks(e, -1)

    this.node[item] = to
    this.cpuUsed[from]! -= model.cpu[item]!
    this.memoryUsed[from]! -= model.memory[item]!
    this.cpuUsed[to]! += model.cpu[item]!
    this.memoryUsed[to]! += model.memory[item]!

    this.#addUnary(item, to, 1)
    this.#addMoney(1)
    this.#addNode(from, 1)
    this.#addNode(to, 1)
    for (const r of rules) this.#addRule(model.pairRules[r]!, 1)
    if (!changesZone) return
    for (const e of edges) {
      this.#useLinks(e, 1)
      this.#refreshEdge(e)
    }
  }

  #addUnary(item: number, k: number, sign: number) {
    const at = item * this.#model.nodes + k
    const broken = sign * this.#model.unaryBroken[at]!
    this.broken += broken
    this.severity += broken
    this.cost += sign * this.#model.unaryCost[at]!
    this.moves += sign * this.#model.moved[at]!
    this.#money += sign * this.#model.money[at]!
  }

  #addLimit(used: number, limit: number, sign: number) {
    if (used <= limit + 1e-9 * Math.max(1, limit)) return
    this.broken += sign
    this.severity += (sign * (used - limit)) / Math.max(limit, 1)
  }

  #addMoney(sign: number) {
    this.#addLimit(this.#money, this.#model.moneyLimit, sign)
  }

  #addNode(k: number, sign: number) {
    const { cpuLimit, memoryLimit, cpuTarget, overloadPrice } = this.#model
    const used = this.cpuUsed[k]!
    this.#addLimit(used, cpuLimit[k]!, sign)
    this.#addLimit(this.memoryUsed[k]!, memoryLimit[k]!, sign)
    if (used > cpuTarget[k]!) this.cost += sign * overloadPrice * (used - cpuTarget[k]!)
  }

  #addRule(rule: PairRule, sign: number) {
    const [a, b] = [this.node[rule.a]!, this.node[rule.b]!]
    if (rule.kind === 'near') {
      const { rtt, zoneOf, zones } = this.#model
      const over = rtt[zoneOf[a]! * zones + zoneOf[b]!]! - rule.maxRttMs
      if (over <= 0) return
      this.broken += sign
      this.severity += (sign * over) / Math.max(rule.maxRttMs, 1)
    } else if ((a === b) === (rule.kind === 'apart')) {
      this.broken += sign
      this.severity += sign
    }
  }

  #zoneOfItem(item: number) {
    return item < 0 ? -1 : this.#model.zoneOf[this.node[item]!]!
  }

  #useLinks(e: number, sign: number) {
    if (this.#model.links.length === 0) return
    const { from, to, broker, bytesPerSecond } = this.#model.edges[e]!
    const a = this.#zoneOfItem(from)
    const b = broker < 0 ? this.#model.carrierOf[a]! : broker
    this.#useLink(a, b, sign * bytesPerSecond)
    this.#useLink(b, this.#zoneOfItem(to), sign * bytesPerSecond)
  }

  #useLink(a: number, b: number, bytes: number) {
    if (a < 0 || b < 0 || a === b) return
    const link = this.#model.linkAt[a * this.#model.zones + b]!
    if (link < 0) return
    const { limit } = this.#model.links[link]!
    this.#addLimit(this.#linkUsed[link]!, limit, -1)
    this.#linkUsed[link]! += bytes
    this.#addLimit(this.#linkUsed[link]!, limit, 1)
  }

  #addPath(p: number, sign: number) {
    const over = this.#pathLatency[p]! - this.#model.paths[p]!.boundMs
    if (over > 0) this.cost += sign * this.#model.latencyPrice * over
  }

  #refreshEdge(e: number) {
    const { rtt, price, zones, edges } = this.#model
    const { from, to, broker, gib, paths } = edges[e]!
    const a = this.#zoneOfItem(from)
    const b = broker < 0 ? this.#model.carrierOf[a]! : broker
    const c = this.#zoneOfItem(to)
    let [each, ms] = [0, 0]
    if (a >= 0) {
      each += price[a * zones + b]!
      ms += rtt[a * zones + b]!
    }
    if (c >= 0) {
      each += price[b * zones + c]!
      ms += rtt[b * zones + c]!
    }
    const cost = gib * each
    this.cost += cost - this.#edgeCost[e]!
    this.#edgeCost[e] = cost
    const change = ms / 2 - this.#edgeLatency[e]!
    if (change === 0) return
    this.#edgeLatency[e]! += change
    for (const p of paths) {
      this.#addPath(p, -1)
      this.#pathLatency[p]! += change
      this.#addPath(p, 1)
    }
  }
}
