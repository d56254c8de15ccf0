import { setTimeout as sleep } from 'node:timers/promises'
import { type Bench, type Figure, median, percentile } from './figure.ts'
import { readingOf } from './peers/step.ts'
import { inside } from './support/inside.ts'
import { Load } from './support/load.ts'
import { mosquitto } from './support/mosquitto.ts'
import { type Programs, withPrograms } from './support/programs.ts'
import { Services } from './support/services.ts'

const perSecond = 1_000
const window = 400
/** V8 compiles what is called 1,000 times a second for longer than a bench of throughput takes. */
const warmMs = 12_000
const ms = 6_000
const peers = {
  'mqtt.js, one at a time': 'mqttjs-one-at-a-time',
  'mqtt.js, pipelined': 'mqttjs-pipelined',
  'mqtt-packet, pipelined': 'wire-pipelined',
}
const shares = { p50: 0.5, p99: 0.99 }

/** From one function's input to its output at 1,000 records/s: producer, broker, function, broker, consumer. */
export default {
  name: 'latency',
  run: ({ runs }) => withPrograms(async programs => figuresOf(await measureAll(programs, runs))),
} satisfies Bench

async function measureAll(programs: Programs, runs: number) {
  const measures: Record<string, (broker: string, run: number) => Promise<number[]>> = {
    ...Object.fromEntries(
      Object.entries(peers).map(([name, service]) => [name, broker => ofPeer(service, broker)]),
    ),
    dyninka: (broker, run) => ofFlow(programs, broker, `latency-${run}`),
  }
  const samples: Record<string, number[][]> = {}
  for (let run = 0; run < runs; run++) {
    for (const [name, measure] of Object.entries(measures)) {
      const broker = await mosquitto(false)
      try {
        samples[name] ??= []
        samples[name].push(await measure(broker.url, run))
      } finally {
        await broker.close()
      }
    }
  }
  return samples
}

function figuresOf(samples: Record<string, number[][]>): Figure[] {
  const figures: Figure[] = []
  for (const [label, share] of Object.entries(shares)) {
    const of = (name: string) => samples[name]!.map(values => percentile(values, share))
    for (const name of [...Object.keys(peers), 'dyninka'])
      figures.push({ name: `${name}, ${label}`, value: median(of(name)), unit: 'ms', better: 'lower' })
    for (const peer of Object.keys(peers)) {
      const theirs = of(peer)
      const ratio = median(of('dyninka').map((value, run) => value / theirs[run]!))
      figures.push({
        name: `dyninka against ${peer}, ${label}`,
        value: ratio,
        unit: '×',
        goal: 1.1,
        better: 'lower',
        peer,
        ratio,
      })
    }
  }
  return figures
}

async function ofPeer(service: string, broker: string): Promise<number[]> {
  const services = new Services()
  try {
    await services.start(service, broker, 'peer/in', 'peer/out')
    const payload = JSON.stringify(readingOf(0))
    const load = new Load({
      broker,
      outOf: 'peer/out',
      next: () => ({ topic: 'peer/in', payload, records: 1 }),
      count: () => 1,
      window,
      perSecond,
      timed: true,
    })
    await load.start()
    return await measured(load)
  } finally {
    await services.stop()
  }
}

async function ofFlow(programs: Programs, broker: string, name: string): Promise<number[]> {
  const rate = { recordsInFrame: 1, window: 64, perSecond } // frames, as of a producer
  const { flow, load } = await inside({ ...programs, ...rate, broker, name, functions: ['f'] })
  try {
    return await measured(load)
  } finally {
    await flow.stop()
  }
}

async function measured(load: Load): Promise<number[]> {
  await sleep(warmMs)
  const first = load.latencies.length
  await sleep(ms)
  const last = load.latencies.length
  await load.stop()
  if (load.arrived !== load.sent) throw new Error(`${load.arrived} of ${load.sent} records arrived`)
  if (last - first < (0.8 * ms * perSecond) / 1000)
    throw new Error('the machine does not keep up with the rate')
  return load.latencies.slice(first, last)
}
