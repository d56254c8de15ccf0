import { Highs } from '../controller/placement/highs.ts'
import { type Bench, type Figure, median } from './figure.ts'
import { hindsight, type Replay, regretted, replay, returns, spent } from './support/placement/replay.ts'
import { type Latencies, minutesOfWeek, modelled, replayed, weekOf } from './support/placement/week.ts'

/** Between two looks: the advisor looks every ten, which changes little and takes three times as long. */
const everyMinutes = 30
/** Between two times at which costs are counted. */
const step = 10

const weeks: { name: string; latencies(seed: number): Latencies }[] = [
  { name: 'NetLatency', latencies: () => replayed },
  { name: 'model', latencies: modelled },
]

/** A week of a made dataflow, on latencies that were measured and on modelled ones: what the advisor suggests is done. */
export default {
  name: 'placement-week',
  runs: 10,
  async run({ runs }) {
    const figures: Figure[] = []
    for (const { name, latencies } of weeks) {
      const measured: Week[] = []
      for (let seed = 1; seed <= runs; seed++) {
        measured.push(await weekWith(seed, latencies(seed)))
        console.error(name, seed, JSON.stringify(measured.at(-1)))
      }
      figures.push(...figuresOf(name, measured))
    }
    return figures
  },
} satisfies Bench

interface Week {
  moves: number
  regretted: number
  returns: number
  /** Against what it would have cost with all known in advance, as a share above it. */
  over: number
  /** Of never moving anything, the same. */
  stayOver: number
}

async function weekWith(seed: number, latencies: Latencies): Promise<Week> {
  const at = weekOf(seed, latencies)
  await using highs = new Highs()
  const week = await replay({ at, minutes: minutesOfWeek, everyMinutes, highs })
  const stay: Replay = { ...week, changes: [], placeAt: () => week.seen[0]! }
  const best = hindsight(week.seen, at, minutesOfWeek, step)
  return {
    moves: week.changes.flatMap(({ items }) => items).length,
    regretted: regretted(week.changes, at, minutesOfWeek).flatMap(({ items }) => items).length,
    returns: returns(week.changes),
    over: spent(week, at, minutesOfWeek, step) / best - 1,
    stayOver: spent(stay, at, minutesOfWeek, step) / best - 1,
  }
}

function figuresOf(name: string, weeks: Week[]): Figure[] {
  const of = (key: keyof Week) => weeks.map(week => week[key])
  const lower = { better: 'lower' as const }
  return [
    { name: `${name}: moves in a week, median`, value: median(of('moves')), unit: '', ...lower },
    { name: `${name}: moves in a week, most`, value: Math.max(...of('moves')), unit: '', ...lower },
    {
      name: `${name}: moves regretted, most`,
      value: Math.max(...of('regretted')),
      unit: '',
      goal: 0,
      ...lower,
    },
    {
      name: `${name}: moves back within a day, most`,
      value: Math.max(...of('returns')),
      unit: '',
      goal: 0,
      ...lower,
    },
    { name: `${name}: cost above hindsight, median`, value: 100 * median(of('over')), unit: '%', ...lower },
    {
      name: `${name}: cost above hindsight, most`,
      value: 100 * Math.max(...of('over')),
      unit: '%',
      ...lower,
    },
    {
      name: `${name}: the same without moves, median`,
      value: 100 * median(of('stayOver')),
      unit: '%',
      ...lower,
    },
  ]
}
