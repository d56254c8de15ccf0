import { evaluate } from '../controller/placement/evaluate.ts'
import { Highs } from '../controller/placement/highs.ts'
import type { Instance, Placement } from '../controller/placement/instance.ts'
import { solve } from '../controller/placement/solve.ts'
import { type Bench, type Figure, median } from './figure.ts'
import { benchInstance, type Size } from './support/placement/instances.ts'
import { plainProgram } from './support/placement/plain-program.ts'
import { rivals } from './support/placement/rivals.ts'

/** What is asked for of each size, and in how many seconds. */
const sizes: (Size & { seconds: number; gap?: number })[] = [
  { items: 11, nodes: 24, zones: 8, seconds: 1, gap: 0.001 },
  { items: 60, nodes: 36, zones: 12, seconds: 10, gap: 0.001 },
  { items: 120, nodes: 130, zones: 26, seconds: 30, gap: 0.02 },
  { items: 1000, nodes: 200, zones: 37, seconds: 30 },
]

/**
 * Seconds of processor that this process took, all threads together: what others do on the machine does not count, and
 * the thread of HiGHS counts too, so that it takes no longer than this on a machine with nothing else to do.
 */
const processorSeconds = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
const now = () => processorSeconds() * 1000

/** Placements of made dataflows on a real network of cities, a seed for each run; see `support/placement/`. */
export default {
  name: 'placement',
  async run({ runs }) {
    const figures: Figure[] = []
    for (const size of sizes) figures.push(...(await measure(size, runs)))
    return figures
  },
} satisfies Bench

async function measure(size: (typeof sizes)[number], runs: number): Promise<Figure[]> {
  const { items, nodes, seconds, gap: wanted } = size
  const name = `${items} × ${nodes}`
  const gaps: number[] = []
  const times: number[] = []
  let broken = 0
  let overGreedy = 0
  let memory = 0
  const ratios = new Map<string, number[]>()
  const unfit = new Map<string, number>()
  for (let seed = 1; seed <= runs; seed++) {
    const instance = benchInstance(size, seed)
    const highs = new Highs()
    try {
      const began = processorSeconds()
      const answer = await solve(instance, {
        seconds,
        gap: wanted ?? 0.001,
        highs,
        now,
        onProgress: () => {
          memory = Math.max(memory, process.memoryUsage.rss() / 2 ** 20)
        },
      })
      times.push(processorSeconds() - began)
      console.error(`${name}, seed ${seed}: ${share(answer.gap)} in ${times.at(-1)!.toFixed(2)} s`)
      gaps.push(answer.gap ?? Number.POSITIVE_INFINITY)
      broken += answer.evaluation.broken.length
      const compare = (rival: string, placement: Placement | undefined) => {
        const evaluation = placement && evaluate(instance, placement)
        const isFit = evaluation !== undefined && evaluation.broken.length === 0
        if (!isFit) unfit.set(rival, (unfit.get(rival) ?? 0) + 1)
        else ratios.set(rival, [...(ratios.get(rival) ?? []), answer.cost / evaluation.cost])
        if (rival === 'greedy' && isFit && evaluation.cost <= answer.cost) overGreedy += 1
      }
      for (const [rival, place] of Object.entries(rivals)) compare(rival, place(instance, seed))
      compare('plain MILP', await plain(instance, seconds))
    } finally {
      await highs.close()
    }
  }
  const figures: Figure[] = [
    {
      name: `${name}: gap, median`,
      value: 100 * median(gaps),
      unit: '%',
      ...(wanted !== undefined && { goal: 100 * wanted }),
      better: 'lower',
    },
    {
      name: `${name}: gap, worst of ${runs}`,
      value: 100 * Math.max(...gaps),
      unit: '%',
      ...(wanted !== undefined && { goal: 100 * wanted }),
      better: 'lower',
    },
    {
      name: `${name}: processor time, median`,
      value: median(times),
      unit: 's',
      goal: seconds,
      better: 'lower',
    },
    { name: `${name}: processor time, worst`, value: Math.max(...times), unit: 's', better: 'lower' },
    { name: `${name}: rules broken`, value: broken, unit: '', goal: 0, better: 'lower' },
    {
      name: `${name}: runs in which greedy was as good`,
      value: overGreedy,
      unit: '',
      goal: 0,
      better: 'lower',
    },
    { name: `${name}: most memory of the process`, value: memory, unit: 'MiB', goal: 1000, better: 'lower' },
  ]
  for (const rival of [...Object.keys(rivals), 'plain MILP']) {
    const own = ratios.get(rival)
    const value = unfit.get(rival) ?? 0
    const against = own && { peer: 'cost of ours', ratio: median(own) }
    figures.push({
      name: `${name}: ${rival}, runs without an answer`,
      value,
      unit: '',
      better: 'lower',
      ...against,
    })
  }
  return figures
}

const share = (gap = Number.POSITIVE_INFINITY) => `${Number((100 * gap).toPrecision(2))} %`

/** HiGHS on the whole program at once, as long as ours may take. */
async function plain(instance: Instance, seconds: number): Promise<Placement | undefined> {
  const program = plainProgram(instance)
  if (!program) return undefined
  const highs = new Highs()
  let placement: Placement | undefined
  const until = processorSeconds() + seconds
  const watch = setInterval(() => processorSeconds() > until && highs.stop(), 100)
  try {
    await highs.solve(
      program.program,
      { seconds: 3600, gap: 1e-3 },
      {
        onAnswer: values => {
          placement = program.placement(values)
        },
      },
    )
  } finally {
    clearInterval(watch)
    await highs.close()
  }
  return placement
}
