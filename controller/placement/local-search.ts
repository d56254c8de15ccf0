import type { Compiled } from './compiled.ts'
import { Neighbourhood } from './neighbourhood.ts'
import { randomOf } from './random.ts'
import { compareScores, type Score } from './score.ts'
import { SearchState } from './search-state.ts'
import { start } from './start.ts'

export interface SearchOptions {
  seed: number
  /** Where it begins. Absent: where everything is. */
  from?: ArrayLike<number>
  /** Most items that may leave where they are. */
  maxMoves?: number
  /** Nodes that an item is kept to. */
  allowed?: ReadonlyMap<number, readonly number[]>
}

/** Money that a broken rule counts as, by round: what is broken may be passed through, in some rounds more easily. */
const penaltyFactors = [3, 1, 100, 10]
/** Where some rule is broken anyway, the fewest that can be may lie behind placements that break many more. */
const tornFactors = [3, 0.1, 100, 0.3]

/** How hot a round begins, by round: some look around the best, some farther. */
const heats = [0.3, 1, 0.1, 2, 0.03]
const maxRoundSteps = 1_600_000
/** How often each item of an offered placement may be moved to where it is best. */
const offerPasses = 3

/**
 * Simulated annealing in rounds, each with a descent at its end, from the best so far. It can be stopped after any step
 * and has its best then; the same seed and number of steps give the same.
 */
export class LocalSearch {
  best: { node: Int32Array; score: Score }
  rounds = 0
  /** It is known that every placement breaks a rule. */
  isTorn = false
  readonly #model: Compiled
  readonly #state: SearchState
  readonly #random: () => number
  readonly #neighbourhood: Neighbourhood
  readonly #maxMoves: number
  /** Doubles when every heat was tried. */
  #roundSteps: number
  #step = 0
  #hot = 0
  /** The most that a single change costs, money an hour. */
  #penalty = 0

  constructor(model: Compiled, options: SearchOptions) {
    this.#model = model
    this.#maxMoves = options.maxMoves ?? Number.POSITIVE_INFINITY
    this.#random = randomOf(options.seed)
    this.#state = new SearchState(model, options.from ?? start(model))
    this.#neighbourhood = new Neighbourhood(model, this.#state, this.#random, options.allowed)
    this.#roundSteps = Math.min(maxRoundSteps / 4, Math.max(4_000, 12 * model.items * model.nodes))
    this.best = { node: this.#state.node.slice(), score: this.#state.score }
    this.#descend()
    this.#warm()
  }

  /** Works out the score of the best anew: what moves add and take away leaves a rest that no move has. */
  settle(): void {
    this.#state.reset(this.best.node)
    this.best.score = this.#state.score
  }

  /** Takes another placement as the best so far if what can be made of it is better. */
  offer(node: ArrayLike<number>): void {
    this.#step = this.#roundSteps // the next round begins from the best
    this.#state.reset(node)
    this.#keep()
    for (let pass = 0; pass < offerPasses && this.#neighbourhood.improveSingly(this.#maxMoves); pass++)
      this.#keep()
    this.settle()
  }

  run(steps: number): void {
    if (this.#model.items === 0 || this.#model.nodes < 2) return
    for (let i = 0; i < steps; i++) {
      if (this.#step === this.#roundSteps) this.#nextRound()
      const factor = heats[this.rounds % heats.length]!
      const temperature = factor * this.#hot * 0.001 ** (this.#step / this.#roundSteps)
      this.#step += 1
      const before = this.#energy
      this.#neighbourhood.propose()
      const worse = this.#energy - before
      const isTaken =
        this.#state.moves <= this.#maxMoves && (worse <= 0 || this.#random() < Math.exp(-worse / temperature))
      if (isTaken) this.#keep()
      else this.#neighbourhood.undo()
    }
  }

  get #energy() {
    const { cost, broken, severity } = this.#state
    const factors = this.isTorn ? tornFactors : penaltyFactors
    const factor = factors[this.rounds % factors.length]!
    return cost + factor * this.#penalty * (broken + severity)
  }

  #keep() {
    const state = this.#state
    if (state.moves > this.#maxMoves || compareScores(state, this.best.score) >= 0) return
    this.best.node.set(state.node)
    this.best.score = state.score
  }

  #nextRound() {
    this.#descend()
    this.rounds += 1
    if (this.rounds % heats.length === 0) this.#roundSteps = Math.min(maxRoundSteps, 2 * this.#roundSteps)
    this.#step = 0
    this.#state.reset(this.best.node)
  }

  /** From the best to where no single move, and no exchange of two, helps. */
  #descend() {
    this.#state.reset(this.best.node)
    while (this.#neighbourhood.improve(this.#maxMoves)) this.#keep()
    this.#state.reset(this.best.node)
    this.best.score = this.#state.score
  }

  /** Takes temperature and penalty from what moves change. */
  #warm() {
    let [sum, count, most] = [0, 0, 0]
    for (let i = 0; i < 400 && this.#model.items > 0 && this.#model.nodes > 1; i++) {
      const before = this.#state.cost
      this.#neighbourhood.propose()
      const change = Math.abs(this.#state.cost - before)
      this.#neighbourhood.undo()
      if (change === 0) continue
      sum += change
      count += 1
      most = Math.max(most, change)
    }
    this.#hot = count === 0 ? 1e-9 : (0.5 * sum) / count
    this.#penalty = Math.max(most, 1e-9)
    this.#state.reset(this.best.node)
  }
}
