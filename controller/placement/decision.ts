import { type Benefit, benefitOf, runningCost } from './benefit.ts'
import { evaluate } from './evaluate.ts'
import type { Instance, Placement } from './instance.ts'
import type { Answer } from './solve.ts'

/** What a suggestion has to hold against. */
export interface DecisionRules {
  /** Share of what runs now costs that has to be saved. */
  threshold: number
  /** Newest windows in a row in which it has to save something. */
  windows: number
  /** After the last move, ms. */
  cooldownMs: number
  /** Since the newest window, ms, at most. */
  staleMs: number
}

/** What a decision looks back on: as long as a move has to pay. Less, and it follows the hours of the day to and fro. */
export const lookBackMs = 24 * 3_600_000

export const defaultRules: DecisionRules = {
  threshold: 0.05,
  windows: 5,
  cooldownMs: 30 * 60_000,
  staleMs: 10 * 60_000,
}

/** What is known when a decision is taken. */
export interface Evidence {
  /** One instance for each window, oldest first; they differ in figures alone. */
  windows: readonly Instance[]
  /** The same, without every figure that was inferred. */
  measured: readonly Instance[]
  /** Where everything is. */
  current: Placement
  /** When items have moved in the last day, ms since the epoch: one entry for each. */
  moved: readonly number[]
  /** Most moves in a day. Absent: any number. */
  movesPerDay?: number
  /** When the newest window ended, and when this is decided, ms since the epoch. */
  newest: number
  now: number
}

/** One thing that has to hold, and whether it does. */
export interface Ground {
  rule: 'fresh' | 'rules' | 'benefit' | 'threshold' | 'gap' | 'holding' | 'measured' | 'cooldown' | 'budget'
  holds: boolean
  /** With figures, for people. */
  says: string
}

export interface Decision {
  isOffered: boolean
  benefit: Benefit
  /** Money, once. */
  movingCost: number
  grounds: Ground[]
}

/**
 * Whether a plan is worth a person's time. A plan that breaks fewer rules than what runs, also by what was measured
 * alone in each of the newest windows, needs nothing more than fresh figures; one that breaks more is never worth it.
 *
 * @param answer what the solver found for the mean of all windows
 */
export function decide(answer: Answer, evidence: Evidence, rules: DecisionRules = defaultRules): Decision {
  const { windows, measured, current, moved, movesPerDay, newest, now } = evidence
  const instance = windows.at(-1)!
  const { horizonHours } = instance.tariff
  const benefit = benefitOf(windows, current, answer.placement)
  const { moves, terms } = answer.evaluation
  const movingCost = terms.migration * horizonHours
  const before = meanCost(windows, current)
  const missing = answer.bound === undefined ? Number.POSITIVE_INFINITY : answer.cost - answer.bound
  const broken = evaluate(instance, current).broken.length - answer.evaluation.broken.length
  const seen = benefitOf(measured, current, answer.placement).mean
  const newestOnes = measured.slice(-rules.windows)
  const isMending = broken > 0 && newestOnes.every(each => mendedIn(each, current, answer.placement) > 0)
  const sinceMove = now - Math.max(Number.NEGATIVE_INFINITY, ...moved)
  const left = movesPerDay === undefined ? Number.POSITIVE_INFINITY : movesPerDay - moved.length

  const grounds: Ground[] = [
    freshness(now - newest, rules),
    {
      rule: 'rules',
      holds: broken >= 0,
      says:
        broken > 0 ? `mends ${broken} broken rules` : `breaks ${broken === 0 ? 'no' : -broken} more rules`,
    },
    {
      rule: 'benefit',
      holds: benefit.low * horizonHours > movingCost,
      says: `saves at least ${money(benefit.low * horizonHours)} in ${horizonHours} h, moving costs ${money(movingCost)}`,
    },
    {
      rule: 'threshold',
      holds: benefit.mean > rules.threshold * before,
      says: `saves ${share(benefit.mean, before)} of what runs now; ${share(rules.threshold, 1)} is asked for`,
    },
    {
      rule: 'gap',
      holds: benefit.mean > missing,
      says: `saves ${money(benefit.mean)} an hour; at most ${money(missing)} more could be saved`,
    },
    {
      rule: 'holding',
      holds: benefit.holding >= rules.windows,
      says: `saves in the newest ${benefit.holding} windows; ${rules.windows} are asked for`,
    },
    {
      rule: 'measured',
      holds: seen > 0,
      says: `saves ${money(seen)} an hour by what was measured alone`,
    },
    {
      rule: 'cooldown',
      holds: sinceMove >= rules.cooldownMs,
      says: Number.isFinite(sinceMove)
        ? `the last move was ${minutes(sinceMove)} ago; ${minutes(rules.cooldownMs)} are asked for`
        : 'nothing has moved in the last day',
    },
    {
      rule: 'budget',
      holds: moves.length <= left,
      says: Number.isFinite(left)
        ? `moves ${moves.length}; ${left} are left for today`
        : 'no budget of moves is set',
    },
  ]
  return { isOffered: isOffered(grounds, moves.length, isMending), benefit, movingCost, grounds }
}

/** @param ageMs of the newest window */
export const freshness = (ageMs: number, { staleMs }: DecisionRules): Ground => ({
  rule: 'fresh',
  holds: ageMs <= staleMs,
  says: `what was measured is ${minutes(ageMs)} old; ${minutes(staleMs)} are taken`,
})

function isOffered(grounds: Ground[], moves: number, isMending: boolean): boolean {
  if (moves === 0) return false
  const isFresh = grounds.find(({ rule }) => rule === 'fresh')!.holds
  return (isMending && isFresh) || grounds.every(({ holds }) => holds)
}

/** How many rules fewer are broken. */
const mendedIn = (instance: Instance, from: Placement, to: Placement) =>
  evaluate(instance, from).broken.length - evaluate(instance, to).broken.length

const meanCost = (windows: readonly Instance[], placement: Placement) =>
  windows.reduce((sum, instance) => sum + runningCost(instance, placement), 0) / windows.length

const money = (value: number) =>
  Number.isFinite(value) ? String(Number(value.toPrecision(3))) : 'an unknown amount'
const share = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)} %`
const minutes = (ms: number) => `${Math.round(ms / 60_000)} min`
