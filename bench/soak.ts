import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Controlled } from '../test/support/controlled.ts'
import { type Bench, type Figure, median } from './figure.ts'
import { liveMiB } from './support/heap.ts'
import { Load, throughput } from './support/load.ts'
import { mosquitto } from './support/mosquitto.ts'

const sampleMs = 1_000
const window = 400
/** Growth between two quarters of the time that is no slope but noise of the garbage collector. */
const flatMiB = 5
/** The same once garbage is collected: what is under way just then. */
const flatLiveMiB = 1

/** Resident memory over a quarter of the time, and what was no garbage at its end. */
interface Quarter {
  resident: Record<string, number[]>
  live: Record<string, number>
}

/** A dataflow with keyed state under the controller, for an hour at half of what it can take: what grows? */
export default {
  name: 'soak',
  runs: 1,
  async run({ minutes }) {
    const dir = await mkdtemp(join(tmpdir(), 'dyninka-bench-'))
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(dir, name)), { recursive: true })
      await writeFile(join(dir, name), content)
    }
    const broker = await mosquitto(false)
    const controlled = await Controlled.over({ dir, broker: broker.url })
    try {
      await controlled.ready()
      const pids = { controller: controlled.pid, broker: broker.pid, ...(await controlled.pids()) }
      const fastest = await perSecond(broker.url)
      const load = loadOf(broker.url, fastest / 2)
      await load.start()
      const quarters: Quarter[] = []
      while (quarters.length < 4) quarters.push(await quarterOf(pids, (minutes / 4) * 60_000))
      await load.stop()
      if (process.env.DYNINKA_BENCH_LOG) console.error(JSON.stringify(quarters))
      return figuresOf(quarters, load, fastest / 2, minutes)
    } finally {
      await controlled.remove()
      await broker.close()
      await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    }
  },
} satisfies Bench

async function quarterOf(pids: Record<string, number>, ms: number): Promise<Quarter> {
  const names = Object.keys(pids)
  const quarter: Quarter = { resident: Object.fromEntries(names.map(name => [name, []])), live: {} }
  for (const end = performance.now() + ms; performance.now() < end; await sleep(sampleMs))
    for (const name of names) quarter.resident[name]!.push(residentMiB(pids[name]!))
  // The broker has no garbage.
  for (const name of names.filter(name => name !== 'broker')) quarter.live[name] = await liveMiB(pids[name]!)
  return quarter
}

/** From the second to the last quarter: the first is the warm-up. */
function figuresOf(quarters: Quarter[], load: Load, rate: number, minutes: number): Figure[] {
  const figures: Figure[] = []
  const add = (name: string, of: (n: number) => number, goal: number) => {
    const grownMinutes = (2 / 4) * minutes
    figures.push({ name: `${name} at the end`, value: of(3), unit: 'MiB', better: 'lower' })
    figures.push({
      name: `${name}, growth in ${grownMinutes.toFixed(1)} min`,
      value: of(3) - of(1),
      unit: 'MiB',
      goal,
      better: 'lower',
    })
  }
  for (const name of Object.keys(quarters[0]!.resident))
    add(`${name}: resident`, n => median(quarters[n]!.resident[name]!), flatMiB)
  for (const name of Object.keys(quarters[0]!.live))
    add(`${name}: live`, n => quarters[n]!.live[name]!, flatLiveMiB)
  return [
    ...figures,
    { name: 'records sent', value: rate, unit: '1/s', better: 'higher' },
    {
      name: `records lost of ${load.sent}`,
      value: load.sent - load.arrived,
      unit: '',
      goal: 0,
      better: 'lower',
    },
  ]
}

function loadOf(broker: string, perSecond?: number): Load {
  let n = 0
  return new Load({
    broker,
    outOf: 'soak/out',
    next: () => {
      n += 1
      return { topic: 'soak/in', payload: JSON.stringify({ key: `key-${n % 100}`, n }), records: 1 }
    },
    count: () => 1,
    window,
    ...(perSecond !== undefined && { perSecond }),
  })
}

async function perSecond(broker: string): Promise<number> {
  const load = loadOf(broker)
  await load.start()
  const { perSecond } = await throughput(load, {}, { ms: 5_000 })
  await load.stop()
  return perSecond
}

/** From /proc: Linux only. */
const residentMiB = (pid: number) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024

const files = {
  'dataflow.yaml': `apiVersion: dyninka.dev/v1
name: soak
sources:
  in: { mqtt: soak/in }
functions:
  pass: { code: pass.ts, from: in }
  total: { code: total.ts, from: pass, key: key, scale: { max: 4 } }
sinks:
  out: { from: total, mqtt: soak/out }
`,
  'pass.ts': `export interface Reading { key: string; n: number }
export default (reading: Reading): Reading => reading
`,
  'total.ts': `import type { Context } from 'dyninka'
import type { Reading } from './pass.ts'
export default function total(reading: Reading, ctx: Context<{ state: number }>): { key: string; total: number } {
  ctx.state = ((ctx.state ?? 0) + reading.n) % 1_000_000
  return { key: reading.key, total: ctx.state }
}
`,
}
