import type { Merged } from '../forge/proposal.ts'
import type { Situation } from './advice.ts'
import { type Benefit, benefitOf } from './benefit.ts'
import { defaultRules } from './decision.ts'

/** Windows after a move that say nothing: hosts start, and what waited is worked off. */
const defaultSettlingMs = 2 * 60_000

/** What a merged proposal has saved since, against everything else as it is now. Pure.
 *  @param fewest windows that it takes
 *  @returns undefined as long as there are too few windows, or it can't be told any more */
export function realisedOf(
  { windows, starts, current, mean }: Situation,
  { at, moves }: Merged,
  {
    settlingMs = defaultSettlingMs,
    fewest = defaultRules.windows,
  }: { settlingMs?: number; fewest?: number } = {},
): Benefit | undefined {
  const since = windows.filter((_, i) => starts[i]! >= at + settlingMs)
  const known = new Set(mean.nodes.map(({ name }) => name))
  const back = moves.flatMap(({ item, from }) =>
    from !== undefined && known.has(from) && item in current ? [[item, from] as const] : [],
  )
  const hasHappened = moves.every(({ item, from }) => current[item] !== from)
  if (since.length < fewest || back.length < moves.length || !hasHappened) return undefined
  return benefitOf(since, { ...current, ...Object.fromEntries(back) }, current)
}

export function realisedText(predicted: number, { mean, low, high, windows }: Benefit): string {
  const number = (value: number) =>
    Number.isFinite(value) ? String(Number(value.toPrecision(3))) : 'unknown'
  return (
    `Predicted: ${number(predicted)} saved an hour. Since the merge: **${number(mean)}** ` +
    `(between ${number(low)} and ${number(high)} with 90 % confidence, from ${windows} windows), ` +
    'against where things were, with the traffic that there is now.'
  )
}
