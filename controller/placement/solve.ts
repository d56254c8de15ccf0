import { setImmediate as pause, setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../../schema/problem.ts'
import { Bounds } from './bounds.ts'
import { compile, numbered, placementOf } from './compiled.ts'
import { type Evaluation, evaluate } from './evaluate.ts'
import type { Highs } from './highs.ts'
import type { Instance, Placement } from './instance.ts'
import { LocalSearch } from './local-search.ts'
import { compareScores } from './score.ts'
import { start } from './start.ts'

export interface SolveOptions {
  /** At most so long. */
  seconds: number
  /** Same seed, same search. Absent: 1. */
  seed?: number
  /** It stops when no answer can be better by more than this share. Absent: 0.01 %. */
  gap?: number
  /** Most items that may leave where they are. Absent: the budget of the instance. */
  maxMoves?: number
  /** Node that an item is to be on one of, by name. */
  allowed?: Record<string, readonly string[]>
  /** Where it begins. Absent: where everything is. */
  from?: Placement
  /** For the bound. Absent: the bound of the Lagrangian alone. */
  highs?: Highs | undefined
  /** By a clock that only grows, ms. */
  now(): number
  signal?: AbortSignal
  /** After each part of the work, with what there is so far. */
  onProgress?(progress: { cost: number; broken: number; bound: number; seconds: number }): void
}

export interface Answer {
  placement: Placement
  /** By the evaluator, which shares nothing with the solver. */
  evaluation: Evaluation
  /** Money an hour. */
  cost: number
  /** No placement that breaks no rule costs less. Absent: none is known, or none can be. */
  bound?: number
  /** How much cheaper the best one might be, as a share of `cost`. Absent: not known. */
  gap?: number
  /** The bound says that nothing is better. */
  isOptimal: boolean
  /** It is proven that every placement breaks a rule. */
  isInfeasible: boolean
  seconds: number
  /** Whose answer it is, last improved by. */
  by: 'search' | 'highs'
}

const defaultGap = 1e-4
/** Steps of the search, and of the bound, between two looks at the clock. */
const [searchSteps, boundSteps] = [500, 2]
/** Rounds of the search without a better answer after which it leaves the processor to HiGHS. */
const staleRounds = 8
/** Rounds that it still has once it is known that every placement breaks a rule. */
const tornRounds = 8
/** Between two of its turns from then on, ms. */
const idleMs = 20

/**
 * The best placement that could be found in the time, and how much better one there could be. Search and bound take turns
 * here; HiGHS has its own thread.
 *
 * @throws Problem where the instance can't be right, or where the evaluator and the solver disagree
 */
export async function solve(instance: Instance, options: SolveOptions): Promise<Answer> {
  const { now, seconds, signal, highs } = options
  const began = now()
  const elapsed = () => (now() - began) / 1000
  const model = compile(instance)
  const maxMoves = options.maxMoves ?? instance.budget.moves ?? Number.POSITIVE_INFINITY
  const nodeIndex = new Map(instance.nodes.map(({ name }, k) => [name, k]))
  const allowed = new Map(
    instance.items.flatMap(({ name }, i): [number, number[]][] => {
      const nodes = options.allowed?.[name]
      return nodes ? [[i, nodes.map(node => nodeIndex.get(node)!)]] : []
    }),
  )
  const pinned = new Map([...allowed].map(([item, [first]]) => [item, first!]))
  const from = options.from ? numbered(model, options.from) : start(model, pinned)
  const search = new LocalSearch(model, { seed: options.seed ?? 1, from, maxMoves, allowed })
  const wanted = options.gap ?? defaultGap
  const bounds = new Bounds(model, { maxMoves, allowed, highs, seconds, gap: wanted })
  let by: Answer['by'] = 'search'
  let improvedIn = 0
  let tornIn = 0

  while (model.items > 0 && elapsed() < seconds && !signal?.aborted) {
    const found = search.best.score
    search.run(searchSteps)
    if (compareScores(search.best.score, found) < 0) [by, improvedIn] = ['search', search.rounds]
    const { broken, cost } = search.best.score
    const upper = broken === 0 ? cost : Number.POSITIVE_INFINITY
    for (let i = 0; i < boundSteps; i++) bounds.step(upper)
    bounds.consider(upper, elapsed())
    for (const offer of bounds.takeAnswers()) {
      const { score } = search.best
      search.offer(offer.node)
      if (compareScores(search.best.score, score) < 0) by = offer.by
    }
    options.onProgress?.({ ...search.best.score, bound: bounds.best, seconds: elapsed() })
    if (bounds.isInfeasible && !search.isTorn) {
      search.isTorn = true
      tornIn = search.rounds
    }
    if (search.isTorn && search.rounds >= tornIn + tornRounds) break
    if (broken === 0 && gapOf(search.best.score.cost, bounds.best) <= wanted) break
    // Lets others in: signals, timers, and what HiGHS has to say.
    if (bounds.isWaiting && search.rounds - improvedIn >= staleRounds) await sleep(idleMs)
    else await pause()
  }
  await highs?.stop()

  search.settle()
  const placement = placementOf(model, search.best.node)
  const evaluation = evaluate(instance, placement)
  const { broken, severity, cost } = search.best.score
  const checked = { broken: evaluation.broken.length, severity: evaluation.severity, cost: evaluation.cost }
  const isOverMoves = evaluation.broken.some(({ rule }) => rule === 'budget.moves')
  if (compareScores({ broken, severity, cost }, checked) !== 0 && !isOverMoves)
    throw new Problem(
      'PlacementUnverified',
      `The solver says ${JSON.stringify(search.best.score)}, the evaluator ${JSON.stringify(checked)}.`,
      { hint: 'Report it with the telemetry; nothing was suggested.' },
    )
  const bound = Math.min(Math.max(0, bounds.best), cost)
  const gap = gapOf(cost, bound)
  const isFeasible = broken === 0
  return {
    placement,
    evaluation,
    cost,
    ...(isFeasible && { bound, gap }),
    isOptimal: isFeasible && gap <= 1e-6,
    isInfeasible: !isFeasible && bounds.isInfeasible,
    seconds: elapsed(),
    by,
  }
}

/** @returns 0 where nothing is left to be saved */
function gapOf(cost: number, bound: number): number {
  const rest = cost - bound
  return rest <= 1e-12 ? 0 : rest / cost
}
