import { advise, type Situation } from '../../../controller/placement/advice.ts'
import { runningCost } from '../../../controller/placement/benefit.ts'
import { type DecisionRules, defaultRules } from '../../../controller/placement/decision.ts'
import { evaluate } from '../../../controller/placement/evaluate.ts'
import type { Highs } from '../../../controller/placement/highs.ts'
import type { Instance, Placement } from '../../../controller/placement/instance.ts'
import { currentOf } from '../../../controller/placement/situation/items.ts'

export interface ReplayOptions {
  /** What is the case, minute by minute. */
  at(minute: number): Instance
  minutes: number
  /** Between two looks. Absent: 10, as the advisor does. */
  everyMinutes?: number
  /** What a look looks back on, at most. Absent: a day, as the advisor does. */
  spanMinutes?: number
  rules?: DecisionRules
  highs?: Highs
}

/** What was suggested at one look, and merged there and then. */
export interface Change {
  minute: number
  items: string[]
  from: Placement
  to: Placement
  /** Of moving, once. */
  money: number
}

export interface Replay {
  changes: Change[]
  /** All placements that the solver found the best at some time. */
  seen: Placement[]
  /** Where everything is, by minute. */
  placeAt(minute: number): Placement
}

const minuteMs = 60_000
/** Before the first look. */
const firstMinutes = 60
/** Telemetry is kept by the minute for so long, and by ten minutes then; windows have the length of the longest. */
const byMinute = 6 * 60

/** Looks at a dataflow again and again with what decides in the product, and does what it suggests. */
export async function replay(options: ReplayOptions): Promise<Replay> {
  const { at, minutes, everyMinutes = 10, spanMinutes = 24 * 60, rules = defaultRules, highs } = options
  const first = currentOf(at(0).items)
  const changes: Change[] = []
  const seen = new Map<string, Placement>([[JSON.stringify(first), first]])
  let current = first
  for (let minute = firstMinutes; minute < minutes; minute += everyMinutes) {
    const situation = situationAt(options, minute, current, changes, spanMinutes)
    const advice = await advise(situation, { seconds: 4, now: () => performance.now(), highs }, rules)
    for (const { answer } of advice.plans) seen.set(JSON.stringify(answer.placement), answer.placement)
    const { chosen } = advice
    if (!chosen) continue
    changes.push({
      minute,
      items: chosen.moves.map(({ item }) => item),
      from: current,
      to: chosen.answer.placement,
      money: chosen.decision.movingCost,
    })
    current = chosen.answer.placement
  }
  const placeAt = (minute: number) => changes.findLast(change => change.minute <= minute)?.to ?? first
  return { changes, seen: [...seen.values()], placeAt }
}

function situationAt(
  { at }: ReplayOptions,
  minute: number,
  current: Placement,
  changes: readonly Change[],
  span: number,
): Situation {
  const back = Math.min(span, minute)
  const step = back > byMinute ? 10 : 1
  const minutes = Array.from({ length: back / step }, (_, i) => minute - back + i * step)
  const windows = minutes.map(each => placed(at(each), current))
  const newest = minute * minuteMs
  const moved = changes
    .filter(change => change.minute > minute - 24 * 60)
    .flatMap(change => change.items.map(() => change.minute * minuteMs))
  return {
    mean: meanOf(windows),
    windows,
    measured: windows,
    starts: minutes.map(each => each * minuteMs),
    current,
    moved,
    newest,
    now: newest,
  }
}

const placed = (instance: Instance, current: Placement): Instance => ({
  ...instance,
  items: instance.items.map(item => ({
    ...item,
    current: {
      zone: instance.nodes.find(({ name }) => name === current[item.name])!.zone,
      node: current[item.name]!,
    },
  })),
})

/** Rates and round trips as they are on average. */
function meanOf(windows: readonly Instance[]): Instance {
  const mean = (of: (instance: Instance) => number) =>
    windows.reduce((sum, one) => sum + of(one), 0) / windows.length
  const [first] = windows as [Instance]
  return {
    ...first,
    links: first.links.map((link, l) => ({ ...link, rttMs: mean(({ links }) => links[l]!.rttMs) })),
    edges: first.edges.map((edge, e) => ({
      ...edge,
      recordsPerSecond: mean(({ edges }) => edges[e]!.recordsPerSecond),
      bytesPerSecond: mean(({ edges }) => edges[e]!.bytesPerSecond),
    })),
  }
}

/** Of the changes, those after which it would have cost less to stay, until the next one of them or for a day. */
export function regretted(changes: readonly Change[], at: ReplayOptions['at'], minutes: number): Change[] {
  return changes.filter((change, i) => {
    const end = Math.min(minutes, changes[i + 1]?.minute ?? minutes, change.minute + 24 * 60)
    let saved = -change.money
    for (let minute = change.minute; minute < end; minute++) {
      const instance = at(minute)
      saved += (runningCost(instance, change.from) - runningCost(instance, change.to)) / 60
    }
    return saved < 0
  })
}

/** Moves of an item back to where it came from within a day. */
export function returns(changes: readonly Change[]): number {
  return changes.flatMap((change, i) =>
    change.items.filter(item =>
      changes.some(
        (later, j) =>
          j > i &&
          later.minute <= change.minute + 24 * 60 &&
          later.to[item] === change.from[item] &&
          later.items.includes(item),
      ),
    ),
  ).length
}

/** Money for all of the time, what moving costs included, looked at every `step` minutes. */
export function spent(
  { changes, placeAt }: Replay,
  at: ReplayOptions['at'],
  minutes: number,
  step: number,
): number {
  let money = changes.reduce((sum, change) => sum + change.money, 0)
  for (let minute = 0; minute < minutes; minute += step)
    money += (runningCost(at(minute), placeAt(minute)) * step) / 60
  return money
}

/**
 * The least that anybody could have spent who knew all in advance, with these placements to choose from: from each to each
 * other at any step, for what moving costs.
 */
export function hindsight(
  placements: readonly Placement[],
  at: ReplayOptions['at'],
  minutes: number,
  step: number,
): number {
  const [first] = placements as [Placement]
  const moving = placements.map(from => {
    const instance = placed(at(0), from)
    const { horizonHours } = instance.tariff
    return placements.map(to => evaluate(instance, to).terms.migration * horizonHours)
  })
  let least = placements.map(placement => (placement === first ? 0 : Number.POSITIVE_INFINITY))
  for (let minute = 0; minute < minutes; minute += step) {
    const instance = at(minute)
    const before = least
    least = placements.map((placement, to) => {
      const here = Math.min(...before.map((money, from) => money + moving[from]![to]!))
      return here + (runningCost(instance, placement) * step) / 60
    })
  }
  return Math.min(...least)
}
