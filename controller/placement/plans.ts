import type { Instance } from './instance.ts'
import { type Answer, type SolveOptions, solve } from './solve.ts'

/** The best answer with at most so many moves. */
export interface Plan {
  /** Infinite: as many as it likes. */
  maxMoves: number
  answer: Answer
}

/** Most moves of the small plans that stand beside the whole one. */
const few = [1, 2, 3]

/**
 * The best plan with one, two and three moves, and with as many as the budget allows, so that a reader sees what the first
 * move alone gives. A plan that a smaller one is as good as is left out. Half of the time goes to the largest.
 */
export async function plansOf(instance: Instance, options: SolveOptions): Promise<Plan[]> {
  const maxMoves = options.maxMoves ?? instance.budget.moves ?? Number.POSITIVE_INFINITY
  const whole = await solve(instance, { ...options, maxMoves, seconds: options.seconds / 2 })
  const plans: Plan[] = []
  const seconds = options.seconds / 2 / few.length
  for (const moves of few) {
    if (options.signal?.aborted || moves >= Math.min(maxMoves, whole.evaluation.moves.length)) break
    // What the smaller plan found is a beginning.
    const from = plans.at(-1)?.answer.placement
    const answer = await solve(instance, { ...options, ...(from && { from }), maxMoves: moves, seconds })
    if (answer.evaluation.moves.length > (plans.at(-1)?.answer.evaluation.moves.length ?? 0))
      plans.push({ maxMoves: moves, answer })
  }
  return [...plans, { maxMoves, answer: whole }]
}
