import { evaluate } from './evaluate.ts'
import type { Instance, Placement } from './instance.ts'

/** What a placement saves against another one, without what moving costs. Money an hour. */
export interface Benefit {
  mean: number
  /** The mean is above it, and below `high`, with 95 % confidence each. Infinite where windows are too few to tell. */
  low: number
  high: number
  /** Windows that it was taken from. */
  windows: number
  /** As many independent ones tell as much: what is high in one window often is in the next. */
  independent: number
  /** Of the newest windows, how many in a row in which it saves something. */
  holding: number
}

/**
 * The benefit in each window of telemetry, and what follows for their mean.
 *
 * @param windows one instance for each stretch of time, oldest first, of equal length
 */
export function benefitOf(windows: readonly Instance[], from: Placement, to: Placement): Benefit {
  const each = windows.map(instance => runningCost(instance, from) - runningCost(instance, to))
  const mean = meanOf(each)
  const independent = independentOf(each, mean)
  const margin = quantileOf(independent - 1) * (deviationOf(each, mean) / Math.sqrt(independent))
  const isKnown = independent >= 2
  return {
    mean,
    low: isKnown ? mean - margin : Number.NEGATIVE_INFINITY,
    high: isKnown ? mean + margin : Number.POSITIVE_INFINITY,
    windows: each.length,
    independent,
    holding: each.length - 1 - each.findLastIndex(value => value <= 0),
  }
}

/** Money an hour, for as long as nothing moves. */
export function runningCost(instance: Instance, placement: Placement): number {
  const { cost, terms } = evaluate(instance, placement)
  return cost - terms.migration
}

/** Share by which sums of the same differ. */
const rounding = 1e-9

const meanOf = (values: number[]) =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length

/** Of one value, from a sample. */
function deviationOf(values: number[], mean: number): number {
  if (values.length < 2) return 0
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1))
}

/** Where each value follows from the one before by a correlation of r, n of them tell as much as n (1 - r) / (1 + r)
 *  would that have none. */
function independentOf(values: number[], mean: number): number {
  const squares = values.map(value => (value - mean) ** 2)
  const variance = squares.reduce((sum, value) => sum + value, 0)
  // What sums lose in rounding follows from nothing.
  if (variance <= values.length * (rounding * mean) ** 2) return values.length
  const shared = values.slice(1).reduce((sum, value, i) => sum + (value - mean) * (values[i]! - mean), 0)
  const r = Math.min(0.99, Math.max(0, shared / variance))
  return (values.length * (1 - r)) / (1 + r)
}

/** Of Student's t, 95 % one-sided, by degrees of freedom from 1. */
const quantiles = [
  6.314, 2.92, 2.353, 2.132, 2.015, 1.943, 1.895, 1.86, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761, 1.753,
  1.746, 1.74, 1.734, 1.729, 1.725, 1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701, 1.699, 1.697,
]

/** The next smaller number of degrees is on the safe side. */
const quantileOf = (degrees: number) =>
  quantiles[Math.min(quantiles.length, Math.max(1, Math.floor(degrees))) - 1]!
