import type { ChildProcess } from 'node:child_process'
import { fn, sink, source } from '../test/support/rig.ts'
import { type Bench, type Figure, median } from './figure.ts'
import { readingOf } from './peers/step.ts'
import { inside } from './support/inside.ts'
import { Load, type Throughput, throughput } from './support/load.ts'
import { mosquitto } from './support/mosquitto.ts'
import { type Programs, withPrograms } from './support/programs.ts'
import { RunningFlow } from './support/running-flow.ts'
import { Services } from './support/services.ts'

/** Full frames of the limit of 64 KiB: what a source with a backlog sends. */
const recordsInFrame = 256
const peers = {
  oneAtATime: { name: 'mqtt.js, one at a time', program: 'mqttjs-one-at-a-time', records: 1, window: 200 },
  pipelined: { name: 'mqtt.js, pipelined', program: 'mqttjs-pipelined', records: 1, window: 200 },
  codec: { name: 'mqtt-packet, pipelined', program: 'wire-pipelined', records: 1, window: 200 },
  frames: { name: 'mqtt-packet, frames of 50', program: 'wire-frames', records: 50, window: 3_200 },
}
const ours = [
  ['inside', 'dyninka, inside the graph'],
  ['outside', 'dyninka, from message to message'],
] as const
const goals = { oneAtATime: 40, pipelined: undefined, codec: 20, frames: 1 }
type Peer = (typeof peers)[keyof typeof peers]

/** Three functions in a row on a default mosquitto: QoS 1, records of 200 bytes, each acknowledged once its output
 *  is. The same function, load and machine for all of them, in the same run. */
const chain: Bench = {
  name: 'chain',
  run: ({ runs }) =>
    withPrograms(async programs => {
      const figures: Figure[] = []
      for (const persistence of [false, true])
        figures.push(...figuresOf(await measureAll(programs, persistence, runs), persistence))
      return figures
    }),
}

export default chain

type Broker = Awaited<ReturnType<typeof mosquitto>>
type Measure = (broker: Broker, run: number) => Promise<Throughput>

async function measureAll(programs: Programs, persistence: boolean, runs: number) {
  const rates: Record<string, Throughput[]> = {}
  for (let run = 0; run < runs; run++) {
    for (const [key, measure] of Object.entries({ ...measuredPeers(), ...measuredFlows(programs) })) {
      const broker = await mosquitto(persistence)
      try {
        rates[key] ??= []
        rates[key].push(await measure(broker, run))
      } finally {
        await broker.close()
      }
    }
    if (process.env.DYNINKA_BENCH_LOG) console.error(persistence, JSON.stringify(rates))
  }
  return rates
}

/** For work on one of them: `DYNINKA_BENCH_ONLY=inside,frames`; `DYNINKA_BENCH_LOG=1` shows every run. */
const only = process.env.DYNINKA_BENCH_ONLY?.split(',')
const chosen = (measures: Record<string, Measure>) =>
  Object.fromEntries(Object.entries(measures).filter(([key]) => !only || only.includes(key)))

const measuredPeers = () =>
  chosen(
    Object.fromEntries(
      Object.entries(peers).map(([key, peer]) => [key, broker => measurePeer(peer, broker)]),
    ),
  )

async function measurePeer(
  { program, records, window }: Peer,
  { url: broker, pid }: Broker,
): Promise<Throughput> {
  const services = new Services()
  try {
    for (const i of [2, 1, 0]) await services.start(program, broker, `peer/${i}`, `peer/${i + 1}`)
    const list = Array.from({ length: records }, (_, i) => readingOf(i))
    const payload = JSON.stringify(records === 1 ? list[0] : list)
    const load = new Load({
      broker,
      outOf: 'peer/3',
      next: () => ({ topic: 'peer/0', payload, records }),
      count: () => records,
      window,
    })
    await load.start()
    const rate = await throughput(load, pidsOf(pid, services.processes))
    await load.stop()
    return proven(rate, load)
  } finally {
    await services.stop()
  }
}

const pidsOf = (broker: number, processes: ChildProcess[]): Record<string, number> => ({
  load: process.pid,
  broker,
  ...Object.fromEntries(processes.map(({ pid }, i) => [`process ${i}`, pid!])),
})

const functions = ['f0', 'f1', 'f2']

const measuredFlows = (programs: Programs) =>
  chosen({
    inside: (broker, run) => measureInside(programs, broker, `inside-${run}`),
    outside: (broker, run) => measureOutside(programs, broker, `outside-${run}`),
  })

async function measureInside(programs: Programs, broker: Broker, name: string): Promise<Throughput> {
  const full = { recordsInFrame, window: 64 * recordsInFrame }
  const { flow, load } = await inside({ ...programs, ...full, broker: broker.url, name, functions })
  return measured(flow, load, broker)
}

/** The whole dataflow: one plain message for each record comes to a source, and one leaves a sink. */
async function measureOutside(
  { program, step }: Programs,
  broker: Broker,
  name: string,
): Promise<Throughput> {
  const nodes = [
    source('in', { type: 'mqtt', filter: 'bench/in', format: 'json' }),
    fn('f0', ['in']),
    fn('f1', ['f0']),
    fn('f2', ['f1']),
    sink('out', ['f2'], { type: 'mqtt', topic: 'bench/out', retain: false }),
  ]
  const code = Object.fromEntries(functions.map(own => [own, step]))
  const flow = await RunningFlow.start({ name, nodes }, { broker: broker.url, program, code })
  const payload = JSON.stringify(readingOf(0))
  const load = new Load({
    broker: broker.url,
    outOf: 'bench/out',
    next: () => ({ topic: 'bench/in', payload, records: 1 }),
    count: () => 1,
    window: 400,
  })
  await load.start()
  return measured(flow, load, broker)
}

async function measured(flow: RunningFlow, load: Load, { pid }: Broker): Promise<Throughput> {
  try {
    const processes = flow.processes.map(({ child }) => child)
    const rate = await throughput(load, pidsOf(pid, processes))
    await load.stop()
    return proven(rate, load)
  } finally {
    await flow.stop()
  }
}

/** A rate counts only if nothing was lost. */
function proven(rate: Throughput, { sent, arrived }: Load): Throughput {
  if (sent !== arrived) throw new Error(`${arrived} of ${sent} records arrived`)
  return rate
}

function figuresOf(rates: Record<string, Throughput[]>, persistence: boolean): Figure[] {
  const where = `persistence ${persistence ? 'on' : 'off'}`
  const figures: Figure[] = []
  const rateOf = (key: string) => rates[key] && median(rates[key].map(({ perSecond }) => perSecond))
  const cpuOf = (key: string) =>
    median(rates[key]!.map(({ cpuMicros }) => Object.values(cpuMicros).reduce((sum, each) => sum + each, 0)))
  const all = [...Object.entries(peers).map(([key, { name }]) => [key, name] as const), ...ours]
  for (const [key, name] of all) {
    const value = rateOf(key)
    if (value === undefined) continue
    figures.push({ name: `${name}, ${where}`, value, unit: 'records/s', better: 'higher' })
    figures.push({
      name: `${name}, ${where}: CPU of all processes`,
      value: cpuOf(key),
      unit: 'µs/record',
      better: 'lower',
    })
  }
  for (const [key, name] of ours) {
    for (const [peer, goal] of Object.entries(key === 'inside' ? goals : { codec: undefined })) {
      const [value, theirs] = [rateOf(key), rateOf(peer)]
      if (value === undefined || theirs === undefined) continue
      const against = peers[peer as keyof typeof peers].name
      // Of the same round: what else the machine does changes from round to round.
      const ratio = median(rates[key]!.map(({ perSecond }, run) => perSecond / rates[peer]![run]!.perSecond))
      figures.push({
        name: `${name} against ${against}, ${where}`,
        value: ratio,
        unit: '×',
        ...(goal !== undefined && { goal }),
        better: 'higher',
        peer: against,
        ratio,
      })
    }
  }
  return figures
}
