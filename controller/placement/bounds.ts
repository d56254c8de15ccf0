import type { Compiled } from './compiled.ts'
import type { Highs } from './highs.ts'
import { Lagrangian } from './lagrangian.ts'
import { type PlacementProgram, programOf } from './program.ts'
import { type Sites, sitesOf } from './sites.ts'

export interface BoundsOptions {
  maxMoves: number
  allowed: ReadonlyMap<number, readonly number[]>
  highs: Highs | undefined
  /** The whole budget. */
  seconds: number
  /** Share by which an answer has to be better to be of interest. */
  gap: number
}

/** Programs with more entries than this take HiGHS longer than anyone waits. */
const maxEntries = 400_000
/** Up to so many, HiGHS needs nothing closed first. */
const maxSmall = 300
/** Steps of the Lagrangian, whose own choice is near to an answer, from one that is looked at to the next. */
const choiceEvery = 20
/** HiGHS is asked again when less than this share is open of what was. */
const worthAgain = 0.7
/** Share of the budget after which HiGHS begins, although the Lagrangian might close more. */
const patience = 0.1

/** A placement that may be better than the best known one, as node of each item; a rule may be broken. */
export interface Offer {
  node: Int32Array
  by: 'search' | 'highs'
}

/** Lower bounds from two sides: the Lagrangian closes what can't be in a better answer, and HiGHS solves the rest. */
export class Bounds {
  /** The best so far; infinite where no placement can be without a broken rule. */
  best = 0
  readonly #model: Compiled
  readonly #options: BoundsOptions
  readonly #sites: Sites
  readonly #lagrangian: Lagrangian
  #answers: Offer[] = []
  #isBusy = false
  #steps = 0
  #askedOpen = 0
  /** What HiGHS was asked about last; fine is final. */
  #asked: 'nothing' | 'sites' | 'nodes' = 'nothing'

  constructor(model: Compiled, options: BoundsOptions) {
    this.#model = model
    this.#options = options
    this.#sites = sitesOf(model, false)
    for (const [item, nodes] of options.allowed)
      this.#sites.nodes.forEach((group, s) => {
        if (!group.some(k => nodes.includes(k)))
          this.#sites.cost[item * this.#sites.count + s] = Number.POSITIVE_INFINITY
      })
    this.#lagrangian = new Lagrangian(model, this.#sites, options.maxMoves)
  }

  /** All that is left to be done is up to HiGHS. */
  get isWaiting(): boolean {
    return this.#isBusy && this.#lagrangian.isConverged
  }

  get isInfeasible(): boolean {
    return this.best === Number.POSITIVE_INFINITY
  }

  /** @param known cost of the best answer */
  step(known: number): void {
    const upper = this.#worthwhile(known)
    this.#lagrangian.step(upper)
    // What costs more than that may be closed already, whether it is there or not.
    this.#raise(Math.min(this.#lagrangian.bound, upper))
    this.#steps += 1
    if (this.#steps % choiceEvery === 0 && !this.#lagrangian.isConverged)
      this.#answers.push({ node: this.#spread(this.#sites, this.#lagrangian.choice), by: 'search' })
  }

  /** Asks HiGHS when it is time to. @param known cost of the best answer @param elapsed seconds */
  consider(known: number, elapsed: number): void {
    const { highs, seconds } = this.#options
    if (!highs) return
    const upper = this.#worthwhile(known)
    if (this.#asked !== 'nothing' && this.#lagrangian.openCount < worthAgain * this.#askedOpen) {
      // With so much less to look at, to begin again is faster than to go on.
      this.#asked = 'nothing'
      this.#askedOpen = 0
      if (this.#isBusy) highs.stop()
      return
    }
    if (this.#isBusy || this.#asked === 'nodes') return
    const isSmall = this.#model.items * this.#model.nodes <= maxSmall
    if (!isSmall && !this.#lagrangian.isConverged && elapsed < patience * seconds) return
    const program = this.#program()
    if (!program) return
    this.#isBusy = true
    this.#askedOpen = this.#lagrangian.openCount
    // Closed for answers that cost more than is of interest: what HiGHS proves holds for the others.
    highs
      .solve(
        program.program,
        // Stopped with the rest. What costs as much as the known one stays in, whatever the rounding.
        { seconds: 3600, ...(Number.isFinite(upper) && { known: upper * (1 + 1e-7) + 1e-12 }) },
        {
          onBound: bound => this.#raise(Math.min(bound, upper)),
          onAnswer: values => this.#answers.push({ node: this.#nodesFrom(program, values), by: 'highs' }),
        },
      )
      .then(({ bound, status }) => {
        this.#isBusy = false
        if (status === 'failed') this.#asked = 'nodes'
        else this.#raise(Math.min(bound, upper))
      })
  }

  /** What was found since the last time. */
  takeAnswers(): Offer[] {
    return this.#answers.splice(0)
  }

  /** What an answer may cost at most that is worth the search: less than the known one, by most of the gap. */
  #worthwhile(known: number) {
    return Number.isFinite(known) ? known - Math.max(0, 0.9 * this.#options.gap) * Math.abs(known) : known
  }

  #raise(bound: number) {
    this.best = Math.max(this.best, bound)
  }

  #program(): (PlacementProgram & { sites: Sites }) | undefined {
    const model = this.#model
    const { openSites } = this.#lagrangian
    const coarse = this.#sites
    const openNodes = new Uint8Array(model.items * model.nodes)
    for (let i = 0; i < model.items; i++)
      coarse.nodes.forEach((group, s) => {
        if (!openSites[i * coarse.count + s]) return
        for (const k of group) {
          const isAllowed = this.#options.allowed.get(i)?.includes(k) ?? true
          openNodes[i * model.nodes + k] = isAllowed ? 1 : 0
        }
      })
    const isFine = coarse.count === model.nodes || this.#asked === 'sites'
    this.#asked = isFine ? 'nodes' : 'sites'
    const sites = isFine ? sitesOf(model, true) : coarse
    const open = isFine
      ? openNodes.map((isOpen, at) => (isOpen && sites.cost[at]! < Number.POSITIVE_INFINITY ? 1 : 0))
      : openSites
    const { maxMoves } = this.#options
    const program = programOf(model, sites, open, { maxMoves, maxEntries })
    return program && { ...program, sites }
  }

  #nodesFrom({ choices, sites }: PlacementProgram & { sites: Sites }, values: Float64Array): Int32Array {
    const chosen = choices.map(
      own => own.reduce((a, b) => (values[b.column]! > values[a.column]! ? b : a)).site,
    )
    return this.#spread(sites, chosen)
  }

  /** On the site of each item, the largest first, the node with the most room. */
  #spread(sites: Sites, siteOf: ArrayLike<number>): Int32Array {
    const { items, cpu, memory, cpuLimit, memoryLimit } = this.#model
    const node = new Int32Array(items)
    const room = { cpu: cpuLimit.slice(), memory: memoryLimit.slice() }
    const order = Array.from(node, (_, i) => i).sort((a, b) => cpu[b]! - cpu[a]!)
    for (const i of order) {
      const spare = (k: number) =>
        Math.min(
          (room.cpu[k]! - cpu[i]!) / Math.max(1, cpuLimit[k]!),
          (room.memory[k]! - memory[i]!) / Math.max(1, memoryLimit[k]!),
        )
      const best = sites.nodes[siteOf[i]!]!.reduce((a, b) => (spare(b) > spare(a) ? b : a))
      node[i] = best
      room.cpu[best]! -= cpu[i]!
      room.memory[best]! -= memory[i]!
    }
    return node
  }
}
