import { conflictOf } from './conflict.ts'
import {
  type Decision,
  type DecisionRules,
  decide,
  defaultRules,
  type Evidence,
  freshness,
} from './decision.ts'
import { type Evaluation, evaluate } from './evaluate.ts'
import { runnerUp } from './explain.ts'
import type { Instance, Placement } from './instance.ts'
import { plansOf } from './plans.ts'
import type { Answer, SolveOptions } from './solve.ts'

/** What the advice rests on: `mean` is the instance with the mean figures of all windows. */
export interface Situation extends Evidence {
  mean: Instance
  /** Of the windows, ms since the epoch. */
  starts: readonly number[]
  /** `from.to` of links whose round trip nobody has measured. Absent: none. */
  inferred?: ReadonlySet<string>
  /** Names of what runs elsewhere for now: `current` has it where its file says, since that is what can be suggested about. */
  away?: readonly string[]
}

export interface Place {
  zone: string
  node: string
}

export interface Move {
  item: string
  /** Absent where it runs nowhere yet. */
  from?: Place
  to: Place
}

/** The best that so many moves can do. */
export interface Plan {
  moves: Move[]
  answer: Answer
  decision: Decision
}

export interface Advice {
  /** How it is now, by the mean of all windows. */
  current: Evaluation
  /** By the number of moves; one that does the same as with fewer moves is left out. */
  plans: Plan[]
  /** The one to suggest; absent where nothing is worth a person's time. */
  chosen?: Plan
  /** What comes second to it: a change that it could have made instead, and what that costs more, money an hour. */
  runnerUp?: { change: { item: string; zone: string }; costMore: number }
  /** Rules that can't hold together; absent where all can, or it is not known. */
  conflict?: string[]
}

/**
 * The best plans for one, two, three and any number of moves, and which of them to suggest: of those that hold, the one
 * that saves most for certain over the horizon, what moving costs taken off.
 *
 * @param options.seconds for all of them together
 * @throws Problem as `solve` does
 */
export async function advise(
  situation: Situation,
  options: SolveOptions,
  rules?: DecisionRules,
): Promise<Advice> {
  const { mean, current } = situation
  const answers = await plansOf(mean, options)
  const plans = answers.map(({ answer }) => ({
    moves: movesOf(mean, current, answer.placement),
    answer,
    decision: decide(answer, situation, rules),
  }))
  const chosen = plans.filter(({ decision }) => decision.isOffered).toSorted(bySaving(mean))[0]
  const second = chosen && runnerUp(mean, chosen.answer.placement)
  const isImpossible = answers.at(-1)!.answer.isInfeasible
  const conflict =
    isImpossible && options.highs
      ? await conflictOf(mean, { highs: options.highs, ...(options.signal && { signal: options.signal }) })
      : undefined
  return {
    current: evaluate(mean, current),
    plans,
    ...(chosen && { chosen }),
    ...(second && {
      runnerUp: { change: second.change, costMore: second.score.cost - chosen.answer.cost },
    }),
    ...(conflict && { conflict }),
  }
}

/** Those that mend most first, then those that save most for certain. */
const bySaving =
  ({ tariff }: Instance) =>
  (a: Plan, b: Plan): number =>
    a.answer.evaluation.broken.length - b.answer.evaluation.broken.length ||
    saving(b.decision, tariff.horizonHours) - saving(a.decision, tariff.horizonHours)

const saving = ({ benefit, movingCost }: Decision, hours: number) => benefit.low * hours - movingCost

function movesOf({ nodes, items }: Instance, from: Placement, to: Placement): Move[] {
  const placeOf = (name: string): Place => ({
    zone: nodes.find(node => node.name === name)!.zone,
    node: name,
  })
  return items.flatMap(({ name }) => {
    if (from[name] === to[name]) return []
    return [
      { item: name, ...(from[name] !== undefined && { from: placeOf(from[name]) }), to: placeOf(to[name]!) },
    ]
  })
}

/** It is certain that nothing pays; that not enough is known takes nothing back. */
export const isAgainst = ({ plans }: Advice, situation: Situation, rules: DecisionRules = defaultRules) =>
  !lackOf(situation, rules) &&
  plans.every(({ moves, decision: { benefit } }) => moves.length === 0 || benefit.high <= 0)

/** What keeps telemetry from telling anything, be it for a move or against one. @returns undefined where it does tell */
export function lackOf(
  { windows, newest, now }: Situation,
  rules: DecisionRules = defaultRules,
): { reason: 'TelemetryMissing' | 'TelemetryStale'; message: string } | undefined {
  const few = `there are ${windows.length} windows of telemetry; ${rules.windows} are asked for`
  if (windows.length < rules.windows) return { reason: 'TelemetryMissing', message: few }
  const { holds, says } = freshness(now - newest, rules)
  return holds ? undefined : { reason: 'TelemetryStale', message: says }
}
