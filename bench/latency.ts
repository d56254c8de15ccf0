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
/** V8 compiles what is called 1,000 times a second for half a minute, on other threads: a sixth of a host's CPU. */
const warmMs = 40_000
const slices = 12
const settleMs = 300
const sliceMs = 2_000
const peers = {
  'mqtt.js, one at a time': 'mqttjs-one-at-a-time',
  'mqtt.js, pipelined': 'mqttjs-pipelined',
  'mqtt-packet, pipelined': 'wire-pipelined',
}
const shares = { p50: 0.5, p99: 0.99 }

interface Subject {
  load: Load
  stop(): Promise<void>
}

type Start = (broker: string) => Promise<Subject>

/** From one function's input to its output at 1,000 records/s: producer, broker, function, broker, consumer. All of them
 *  run, and get their load in turns of two seconds: how fast a shared machine is changes within a minute. */
export default {
  name: 'latency',
  run: ({ runs }) => withPrograms(async programs => figuresOf(await measureAll(programs, runs))),
} satisfies Bench

async function measureAll(programs: Programs, runs: number): Promise<Record<string, number[][]>> {
  const starts: [name: string, start: Start][] = [
    ...Object.entries(peers).map(([name, service]) => [name, startPeer(service)] as [string, Start]),
    ['dyninka', startFlow(programs)],
  ]
  const samples: Record<string, number[][]> = Object.fromEntries(starts.map(([name]) => [name, []]))
  for (let run = 0; run < runs; run++) {
    const subjects: [name: string, subject: Subject][] = []
    try {
      for (const [name, start] of starts) {
        const subject = await started(start)
        subjects.push([name, subject])
        await sleep(warmMs)
        await subject.load.pause()
      }
      for (let slice = 0; slice < slices; slice++) {
        for (const [name, { load }] of subjects) samples[name]!.push(await measured(load))
        subjects.push(subjects.shift()!) // each is behind each of the others
      }
    } finally {
      for (const [, { stop }] of subjects) await stop()
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
      const ratio = median(of('dyninka').map((value, slice) => value / theirs[slice]!))
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

/** On a broker of its own. */
async function started(start: Start): Promise<Subject> {
  const broker = await mosquitto(false)
  const { load, stop } = await start(broker.url).catch(async error => {
    await broker.close()
    throw error
  })
  return {
    load,
    async stop() {
      await load.stop()
      await stop()
      await broker.close()
    },
  }
}

const startPeer =
  (service: string): Start =>
  async broker => {
    const services = new Services()
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
    return { load, stop: () => services.stop() }
  }

const startFlow =
  (programs: Programs): Start =>
  async broker => {
    const rate = { recordsInFrame: 1, window: 64, perSecond } // frames, as of a producer
    const { flow, load } = await inside({ ...programs, ...rate, broker, name: 'latency', functions: ['f'] })
    return { load, stop: () => flow.stop() }
  }

async function measured(load: Load): Promise<number[]> {
  load.resume()
  await sleep(settleMs)
  const first = load.latencies.length
  await sleep(sliceMs)
  const last = load.latencies.length
  await load.pause()
  if (load.arrived !== load.sent) throw new Error(`${load.arrived} of ${load.sent} records arrived`)
  if (last - first < (0.8 * sliceMs * perSecond) / 1000)
    throw new Error('the machine does not keep up with the rate')
  return load.latencies.slice(first, last)
}
