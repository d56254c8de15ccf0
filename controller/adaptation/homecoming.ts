import type { Situation } from '../placement/advice.ts'
import { type Benefit, benefitOf } from '../placement/benefit.ts'
import { type DecisionRules, defaultRules } from '../placement/decision.ts'
import { type Evaluation, evaluate } from '../placement/evaluate.ts'
import type { Instance, Placement } from '../placement/instance.ts'
import { compareScores } from '../placement/score.ts'

/** Those that share a place, run elsewhere, and could go back now. */
export interface Exile {
  /** The one whose name is theirs. */
  name: string
  sharers: readonly string[]
  /** Names of nodes on which they could be as it is decided. */
  homes: readonly string[]
  /** What is decided, for people: `zone edge`. */
  home: string
}

/** Why something stays elsewhere although it could go back. */
export interface Stay {
  /** When that was reckoned, RFC 3339. */
  at: string
  /** Where it would run. */
  node: string
  /** For people: `going back to zone edge would cost 0.31 an hour more`. */
  says: string
  /** What it would cost more where it is decided to be, money an hour; below 0 it would cost less. */
  costsMore: number
  /** Money, once. */
  movingCost: number
  /** Over how long going back has to pay. */
  horizonHours: number
}

export type Verdict = { goes: true; says: string } | { goes: false; stay: Stay }

export interface Verdicts {
  /** By name of an exile; those of which nothing is known are left out. */
  verdicts: Map<string, Verdict>
  /** Why something is left out, for people. */
  unknown: string
  /** How long it took to reckon. */
  tookMs?: number
}

/**
 * Who goes back. It does where that breaks fewer rules; or no more of them, and what it saves for certain over the horizon is
 * more than moving costs, as a suggestion is reckoned. Those that pay only together go together. What no figures tell is left
 * out, and so is what only inferred figures keep away. Pure.
 */
export function verdictsOn(
  situation: Situation,
  exiles: readonly Exile[],
  { staleMs, windows: fewest }: Pick<DecisionRules, 'staleMs' | 'windows'> = defaultRules,
): Verdicts {
  const { mean, windows, current, newest, now } = situation
  const nothing = (unknown: string): Verdicts => ({ verdicts: new Map(), unknown })
  if (now - newest > staleMs) return nothing('nothing was measured of late')
  if (windows.length < fewest) return nothing('too little was measured')
  const ways = exiles.flatMap(exile => wayBack(situation, exile) ?? [])
  const back = confirmed(situation, ways)
  const base = { ...current, ...Object.assign({}, ...back.map(({ to }) => to)) }
  const verdicts = new Map<string, Verdict>()
  const before = evaluate(mean, current)
  for (const { exile } of back)
    verdicts.set(exile.name, { goes: true, says: gainText(situation, before, base) })
  for (const { exile, to } of ways) {
    if (verdicts.has(exile.name)) continue
    const stay = stayOf(situation, base, { ...base, ...to }, exile)
    if (stay) verdicts.set(exile.name, { goes: false, stay })
  }
  return { verdicts, unknown: 'the way there was not measured' }
}

interface WayBack {
  exile: Exile
  /** Where each of the sharers would run. */
  to: Placement
}

/** To the best node that they may have. */
function wayBack({ mean, current }: Situation, exile: Exile): WayBack | undefined {
  const known = mean.nodes.filter(({ name }) => exile.homes.includes(name))
  const [best] = known
    .map(({ name }) => {
      const to = Object.fromEntries(exile.sharers.map(sharer => [sharer, name]))
      return { to, score: scoreOf(mean, { ...current, ...to }) }
    })
    .toSorted((a, b) => compareScores(a.score, b.score))
  return best && { exile, to: best.to }
}

/** Begins with all, and leaves out whom the others do better without; where nobody is left who pays, begins with nobody. Then
 *  adds those that pay beside them. */
function confirmed(situation: Situation, ways: readonly WayBack[]): WayBack[] {
  const { mean, current } = situation
  const placed = (some: readonly WayBack[]): Placement => ({
    ...current,
    ...Object.assign({}, ...some.map(({ to }) => to)),
  })
  /** The best of several beginnings. */
  const best = (each: WayBack[][]) =>
    each
      .map(some => ({ some, score: scoreOf(mean, placed(some)) }))
      .toSorted((a, b) => compareScores(a.score, b.score))[0]
  let back = [...ways]
  for (let score = scoreOf(mean, placed(back)); back.length > 1; ) {
    const fewer = best(back.map(way => back.filter(each => each !== way)))!
    if (compareScores(fewer.score, score) >= 0) break
    back = fewer.some
    score = fewer.score
  }
  if (back.length > 0 && !pays(situation, current, placed(back))) back = []
  for (;;) {
    const more = ways
      .filter(way => !back.includes(way))
      .map(way => [...back, way])
      .filter(some => pays(situation, placed(back), placed(some)))
    if (more.length === 0) return back
    back = best(more)!.some
  }
}

function pays({ mean, windows }: Situation, from: Placement, to: Placement): boolean {
  const [before, after] = [evaluate(mean, from), evaluate(mean, to)]
  if (after.broken.length !== before.broken.length) return after.broken.length < before.broken.length
  return benefitOf(windows, from, to).low > movingOf(before, after)
}

/** Money an hour of the horizon. */
const movingOf = (before: Evaluation, after: Evaluation) => after.terms.migration - before.terms.migration

/** @returns undefined where that is not known */
function stayOf(
  situation: Situation,
  from: Placement,
  to: Placement,
  { name, home }: Exile,
): Stay | undefined {
  const { mean, windows, measured, now } = situation
  const { horizonHours } = mean.tariff
  const [before, after] = [evaluate(mean, from), evaluate(mean, to)]
  const movingCost = movingOf(before, after) * horizonHours
  const benefit = benefitOf(windows, from, to)
  const stay = {
    at: new Date(now).toISOString(),
    node: to[name]!,
    costsMore: -benefit.mean,
    movingCost,
    horizonHours,
  }
  const breaks = after.broken
    .map(({ rule }) => rule)
    .filter(rule => !before.broken.some(is => is.rule === rule))
  if (after.broken.length > before.broken.length)
    return { ...stay, says: `going back to ${home} would break ${breaks.join(', ')}` }
  // A way of which nothing is known costs nothing here.
  if (benefitOf(measured, from, to).low > movingOf(before, after)) return undefined
  return { ...stay, says: `going back to ${home} ${whyNot(benefit, movingCost, horizonHours)}` }
}

function whyNot({ mean, low, high }: Benefit, movingCost: number, hours: number): string {
  if (mean < 0) return `would cost ${money(-mean)} an hour more`
  const saves = `would save ${money(mean * hours)} in ${hours} h`
  if (mean * hours <= movingCost) return `${saves}, less than the ${money(movingCost)} that moving costs`
  const range = Number.isFinite(low)
    ? `(between ${money(low * hours)} and ${money(high * hours)})`
    : '(which is not certain yet)'
  return `${saves} ${range}, and moving costs ${money(movingCost)}`
}

function gainText({ mean, windows, current }: Situation, before: Evaluation, to: Placement): string {
  const after = evaluate(mean, to)
  if (after.broken.length < before.broken.length)
    return `it ends what is broken: ${before.broken.map(({ rule }) => rule).join(', ')}`
  const moving = movingOf(before, after) * mean.tariff.horizonHours
  return `it saves ${money(benefitOf(windows, current, to).mean)} an hour, and moving costs ${money(moving)}`
}

/** With what moving costs, an hour of the horizon. */
function scoreOf(instance: Instance, placement: Placement) {
  const { broken, cost } = evaluate(instance, placement)
  return { broken: broken.length, severity: 0, cost }
}

const money = (value: number) => String(Number(value.toPrecision(3)))
