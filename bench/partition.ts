import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { Counters } from '../runtime/counters.ts'
import { Progress } from '../runtime/cursor.ts'
import { FrameBuilder } from '../runtime/frame.ts'
import type { Handlers } from '../runtime/invoke.ts'
import { silent } from '../runtime/log.ts'
import { MemoryTransport } from '../runtime/memory-transport.ts'
import { Partition } from '../runtime/partition.ts'
import type { Connection, ConnectOptions, Transport } from '../runtime/transport.ts'
import { topics } from '../schema/topics.ts'
import { wiringOf } from '../schema/wiring.ts'
import { fn, sink, source } from '../test/support/rig.ts'
import type { Bench } from './figure.ts'
import { type Reading, readingOf, step } from './peers/step.ts'

const flow = 'bench'
const place = { flow, node: 'f', partition: 0, cut: { partitions: 1 }, name: '0' }
const nodes = [
  source('in', { type: 'every', intervalMs: 1e6 }),
  fn('f', ['in']),
  sink('out', ['f'], { type: 'log' }),
]
const recordsInFrame = 256
const framesUnderWay = 8
const [warmMs, spanMs, spans] = [2_000, 300, 12]

/** CPU of a partition for each record, in this process: frames in, the function, frames out, commits, and no socket. The
 *  quickest of many short spans, since others use the machine, too. */
const partition: Bench = {
  name: 'partition',
  async run({ runs }) {
    const acknowledged = await feed()
    await sleep(warmMs)
    let [ours, byHand] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (let i = 0; i < spans * runs; i++) {
      const [before, start] = [acknowledged.frames, process.cpuUsage()]
      await sleep(spanMs)
      ours = Math.min(ours, microsSince(start) / ((acknowledged.frames - before) * recordsInFrame))
      byHand = Math.min(byHand, lists())
    }
    const peer = 'lists of 50 by hand, without ids'
    return [
      { name: 'CPU for a record', value: ours, unit: 'µs', better: 'lower', peer, ratio: ours / byHand },
      { name: `CPU for a record: ${peer}`, value: byHand, unit: 'µs', better: 'lower' },
    ]
  },
}

export default partition

function microsSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return user + system
}

/** The same by hand, µs for a record. */
function lists(): number {
  const list = Buffer.from(JSON.stringify(Array.from({ length: 50 }, (_, i) => readingOf(i))))
  const start = process.cpuUsage()
  const times = 1_000
  for (let i = 0; i < times; i++)
    Buffer.from(JSON.stringify((JSON.parse(list.toString()) as Reading[]).map(step)))
  return microsSince(start) / (times * 50)
}

/** Keeps a partition busy. @returns how many frames it has acknowledged */
async function feed(): Promise<{ frames: number }> {
  const memory = new MemoryTransport()
  const wiring = { ...wiringOf({ name: flow, nodes }).get('f')!, revision: 1 }
  memory.publish(topics.wiring(flow, 'f'), JSON.stringify(wiring), true)
  const credit = new Progress()
  let session: ConnectOptions | undefined
  const transport: Transport = {
    async connect(options): Promise<Connection> {
      if (!options.clean) session = options
      const connection = await memory.connect(options)
      const outputs = topics.data(flow, 'f', 'default', 'all', 0)
      const publish: Connection['publish'] = (topic, payload, more) =>
        topic === outputs ? turn() : connection.publish(topic, payload, more)
      return { ...connection, publish }
    },
  }
  const owner = new Partition({
    ...place,
    transport,
    wiring,
    handlersOf: () => ({ default: step as Handlers['default'] }),
    stateBytes: () => 1e6,
    env: {},
    log: silent,
    counters: new Counters(),
    creditOf: () => ({ progress: credit, frames: 2 }),
    onChange() {},
    onClosed() {},
  })
  await owner.start()

  const { template, at, first } = templateOf()
  let [next, sent] = [first, 0]
  const acknowledged = { frames: 0 }
  const fill = () => {
    for (; sent - acknowledged.frames < framesUnderWay; sent++) {
      const payload = Buffer.from(template)
      payload.write(String(next), at, 'latin1')
      next += recordsInFrame
      const ack = () => {
        acknowledged.frames += 1
        queueMicrotask(fill)
      }
      session!.onMessage({ topic: topics.data(flow, 'in', 'default', 'all', 0), payload, retain: false, ack })
    }
  }
  fill()
  setInterval(() => {
    credit.advance('f.0', 'in.0', first + acknowledged.frames * recordsInFrame - 1)
    owner.credit('out', '0')
  }, 2)
  return acknowledged
}

/** A frame, in which only the first number grows. */
function templateOf() {
  const first = 1_000_000_000
  const frame = new FrameBuilder()
  for (let i = 0; i < recordsInFrame; i++)
    frame.add('', first + i, Date.now(), undefined, { ...readingOf(i) }, undefined, 200)
  const template = Buffer.from(frame.build(0))
  return { template, at: template.indexOf(`"${first}"`) + 1, first }
}
