import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hostBundle } from '../builder/index.ts'
import { emptyCursor } from '../runtime/cursor.ts'
import { decode, FrameBuilder } from '../runtime/frame.ts'
import { shardOf } from '../runtime/key.ts'
import { stateTopic } from '../runtime/place.ts'
import type { Seq } from '../runtime/record-id.ts'
import type { Connection } from '../runtime/transport.ts'
import { wireTransport } from '../runtime/wire-transport.ts'
import { partitionName, topics } from '../schema/topics.ts'
import type { HostProcess } from '../test/support/host-process.ts'
import { fn, sink, source } from '../test/support/rig.ts'
import { type Bench, type Figure, median } from './figure.ts'
import { codeOf } from './support/function-code.ts'
import { Load, throughput } from './support/load.ts'
import { mosquitto } from './support/mosquitto.ts'
import { RunningFlow } from './support/running-flow.ts'
import { until } from './support/until.ts'

const partitions = 8
const recordsInFrame = 100
const cut = { partitions, key: 'key' }
/** Of any partition: the topic of a key is the same in all. */
const place = { node: 'f', partition: 0, cut, name: '' }
const few = 10_000
const restoreTimeoutMs = 600_000

interface Measured {
  restoreMs: number
  idleMB: number
  restoredMB: number
  peakMB: number
  loadedMB: number
  perSecond: number
}

/** One host takes over the state of all partitions, and then gets records of keys drawn at random. */
export default {
  name: 'restore',
  async run({ runs, keys }) {
    const folder = await mkdtemp(join(tmpdir(), 'dyninka-bench-'))
    try {
      const program = join((await hostBundle(folder)).path, 'host.mjs')
      const code = await codeOf(
        join(folder, 'count'),
        new URL('./support/count.ts', import.meta.url),
        'count',
      )
      const figures: Figure[] = []
      for (const many of new Set([Math.min(few, keys), keys])) {
        const measured: Measured[] = []
        for (let run = 0; run < runs; run++)
          measured.push(await measure(`restore-${run}`, many, program, code))
        figures.push(...figuresOf(many, measured))
      }
      return figures
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
} satisfies Bench

function figuresOf(keys: number, measured: Measured[]): Figure[] {
  const of = (name: keyof Measured) => median(measured.map(one => one[name]))
  const after = `${keys.toLocaleString('en')} keys`
  return [
    { name: `${after}: spawn to all partitions`, value: of('restoreMs') / 1000, unit: 's', better: 'lower' },
    { name: `${after}: resident before any state`, value: of('idleMB'), unit: 'MB', better: 'lower' },
    {
      name: `${after}: resident once restored`,
      value: of('restoredMB'),
      unit: 'MB',
      goal: 256,
      better: 'lower',
    },
    {
      name: `${after}: resident at most, records included`,
      value: of('peakMB'),
      unit: 'MB',
      goal: 256,
      better: 'lower',
    },
    {
      name: `${after}: resident after the records`,
      value: of('loadedMB'),
      unit: 'MB',
      goal: 256,
      better: 'lower',
    },
    { name: `${after}: records of random keys`, value: of('perSecond'), unit: 'records/s', better: 'higher' },
  ]
}

async function measure(name: string, keys: number, program: string, code: string): Promise<Measured> {
  const broker = await mosquitto(false)
  const nodes = [
    source('in', { type: 'every', intervalMs: 1e6 }),
    fn('f', ['in'], { key: 'key', scale: { min: 1, max: partitions } }),
    sink('out', ['f'], { type: 'log' }),
  ]
  const flow = await RunningFlow.start(
    { name, nodes },
    { broker: broker.url, program, code: { f: code }, hosts: { in: 0, f: 0, out: 0 } },
  )
  try {
    const owned = (host: HostProcess) => flow.presenceOf(host)?.partitions.length
    const idle = await flow.host('f')
    await until('a host without state', () => owned(idle) === partitions)
    await sleep(2_000)
    const idleMB = memoryOf(idle.child.pid!).residentMB
    idle.child.kill()
    await idle.exited
    const shards = await remember(broker.url, name, keys)
    const start = performance.now()
    const host = await flow.host('f')
    await until('all partitions restored', () => owned(host) === partitions, restoreTimeoutMs)
    const restoreMs = performance.now() - start
    await sleep(2_000)
    const pid = host.child.pid!
    const restoredMB = memoryOf(pid).residentMB
    const load = loadOf(broker.url, name, shards)
    await load.start()
    const { perSecond } = await throughput(load.load, {}, { ms: 8_000 })
    await load.load.stop()
    if (load.load.arrived !== load.load.sent)
      throw new Error(`${load.load.sent - load.load.arrived} records lost`)
    const { residentMB: loadedMB, peakMB } = memoryOf(pid)
    return { restoreMs, idleMB, restoredMB, peakMB, loadedMB, perSecond }
  } finally {
    await flow.stop()
    await broker.close()
  }
}

/** State and cursors as an owner before left them. @returns the keys of each partition */
async function remember(broker: string, flow: string, keys: number): Promise<string[][]> {
  const connection = await wireTransport(broker).connect({
    clientId: 'bench-remember',
    clean: true,
    onMessage() {},
    onClose() {},
  })
  const shards: string[][] = Array.from({ length: partitions }, () => [])
  const value = { count: 5, at: '2026-11-25T22:04:31.870Z', celsius: 21.6 }
  const payload = JSON.stringify({ v: 1, born: {}, includes: {}, value })
  for (let first = 0; first < keys; first += 1_000) {
    const some: Promise<void>[] = []
    for (let n = first; n < Math.min(keys, first + 1_000); n++) {
      const key = `device-${n}`
      const shard = shardOf(key, partitions)
      shards[shard]!.push(key)
      some.push(connection.publish(stateTopic({ ...place, flow }, key), payload, { retain: true }))
    }
    await Promise.all(some)
  }
  for (const [partition, of] of shards.entries()) {
    const topic = topics.credit(flow, 'f', partitionName(partition, cut))
    // The host before has left one: what it has read counts on.
    const cursor = { ...emptyCursor(), keys: of.length, wiring: 1 }
    await connection.publish(topic, JSON.stringify(cursor), { retain: true })
  }
  await connection.close()
  return shards
}

/** Stands at both ends of the function, as `edgeLoad` does, for keys and partitions. */
function loadOf(broker: string, flow: string, shards: string[][]) {
  const lanes: Record<string, Record<string, Seq>> = {}
  let seq = 0
  let frames = 0
  const load = new Load({
    broker,
    outOf: topics.data(flow, 'f', 'default', 'all', 0),
    next() {
      const shard = frames++ % partitions
      const keys = shards[shard]!
      const frame = new FrameBuilder()
      for (let i = 0; i < recordsInFrame; i++) {
        const key = keys[Math.floor(Math.random() * keys.length)]!
        frame.add('', ++seq, Date.now(), key, `{"key":"${key}","celsius":21.6}`)
      }
      const topic = topics.data(flow, 'in', 'default', `key-${partitions}`, shard)
      return { topic, payload: frame.build(0), records: recordsInFrame }
    },
    count({ payload }) {
      const { partition, records } = decode(payload)
      for (const { origin, seq } of records) lanes[`f.${partition}`] = { [origin]: seq }
      return records.length
    },
    window: partitions * 6 * recordsInFrame,
  })
  const start = () =>
    load.start((_, connection: Connection) => {
      const cursor = JSON.stringify({ v: 1, lanes })
      connection.publish(topics.credit(flow, 'out', 0), cursor, { retain: true }).catch(() => {})
    })
  return { load, start }
}

/** From /proc: Linux only. */
function memoryOf(pid: number) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (field: string) =>
    (Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)![1]) * 1024) / 1e6
  return { residentMB: megabytes('VmRSS'), peakMB: megabytes('VmHWM') }
}
