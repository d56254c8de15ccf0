import type { Compiled } from './compiled.ts'
import { PricedProblem } from './priced-problem.ts'
import type { Sites } from './sites.ts'

/** Steps without a better bound after which the next ones are half as long. */
const patience = 25

/**
 * A lower bound of what any placement that breaks no rule can cost: each step adjusts the prices of a `PricedProblem`, and
 * what that costs is a bound at every step.
 */
export class Lagrangian {
  /** The best so far; infinite where no placement can be without a broken rule. */
  bound = Number.NEGATIVE_INFINITY
  isConverged = false
  readonly #problem: PricedProblem
  #scale = 1
  #stalled = 0
  /** Cost of the answer that was known when it closed last. */
  #closedFor = Number.POSITIVE_INFINITY

  constructor(model: Compiled, sites: Sites, maxMoves = Number.POSITIVE_INFINITY) {
    this.#problem = new PricedProblem(model, sites, maxMoves)
  }

  /** items × sites: 1 for what an answer better than the best known one may use. */
  get openSites(): Uint8Array {
    return this.#problem.openSites
  }

  /** By item, the site that it has in the last step. */
  get choice(): Int32Array {
    return this.#problem.choice
  }

  /** @param upper cost of the best placement known that breaks no rule; infinite where there is none */
  step(upper: number): void {
    if (this.isConverged) {
      if (upper < this.#closedFor && Number.isFinite(this.bound)) this.#closeAgain(upper)
      return
    }
    this.#problem.price()
    const value = this.#problem.solve()
    if (value > this.bound + 1e-7 * Math.abs(value)) this.#stalled = 0
    else this.#stalled += 1
    if (value > this.bound) {
      this.bound = value
      this.#problem.multipliers.keep()
      if (value === Number.POSITIVE_INFINITY || value >= upper) {
        this.isConverged = true
        return
      }
      this.#close(upper, value)
    }
    const target = Math.min(upper, this.bound + 0.1 * Math.abs(this.bound) + 1e-6)
    this.#problem.differentiate()
    this.#problem.multipliers.advance(this.#scale * Math.max(target - value, 1e-9 * Math.abs(target)))
    if (this.#stalled < patience) return
    this.#stalled = 0
    this.#scale /= 2
    this.#problem.multipliers.restore()
    if (this.#scale < 1e-5) this.isConverged = true
  }

  /** Pairs of item and site that are open. */
  get openCount(): number {
    return this.openSites.reduce((sum, isOpen) => sum + isOpen, 0)
  }

  /** With the best multipliers, for a better answer than was known. */
  #closeAgain(upper: number) {
    this.#problem.multipliers.restore()
    this.#problem.price()
    const value = this.#problem.solve()
    this.bound = Math.max(this.bound, value)
    if (value < upper) this.#close(upper, value)
    else this.#closedFor = upper
  }

  /** Closes what no answer better than the best known one can use. */
  #close(upper: number, value: number) {
    if (!Number.isFinite(upper)) return
    this.#closedFor = upper
    const room = upper - value + 1e-9 * Math.abs(upper) + 1e-12
    const closed: [item: number, site: number][] = []
    this.#problem.eachExcess((item, site, excess) => {
      if (!(excess <= room)) closed.push([item, site])
    })
    for (const [item, site] of closed) this.#problem.close(item, site)
  }
}
