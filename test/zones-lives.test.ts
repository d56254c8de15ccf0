import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Context } from '../runtime/context.ts'
import { Counters } from '../runtime/counters.ts'
import type { CursorDocument } from '../runtime/cursor.ts'
import { FrameBuilder } from '../runtime/frame.ts'
import { silent } from '../runtime/log.ts'
import { MemoryTransport } from '../runtime/memory-transport.ts'
import { Partition } from '../runtime/partition.ts'
import type { Transport } from '../runtime/transport.ts'
import { topics } from '../schema/topics.ts'
import { type Wiring, wiringOf } from '../schema/wiring.ts'
import { CrashingTransport } from './support/crashing-transport.ts'
import { fn, sink, source, until } from './support/rig.ts'
import { Taken } from './support/taken.ts'
import { Random } from './torture/random.ts'

interface Value {
  key: string
  n: number
  side: 'a' | 'b'
}

interface Joined {
  key: string
  n: number
  /** Of its key: how many were joined before, and it. */
  count: number
}

interface Waiting {
  count: number
  /** `side` and `n` of what has no other half yet. */
  alone: string[]
}

const flow = 'zones'
const records = 200
const keys = 6
const deaths = 14

/** A half waits in the state for its other half: what leaves, and under which id, depends on which of them was last. */
function join({ key, n, side }: Value, ctx: Context): Joined | undefined {
  const { count, alone } = (ctx.state as Waiting | undefined) ?? { count: 0, alone: [] }
  const other = `${side === 'a' ? 'b' : 'a'}${n}`
  const isWhole = alone.includes(other)
  const left = isWhole ? alone.filter(half => half !== other) : [...alone, `${side}${n}`]
  ctx.state = { count: isWhole ? count + 1 : count, alone: left } satisfies Waiting
  return isWhole ? { key, n, count: count + 1 } : undefined
}

/** A broker that answers after a while, so that messages of two fall together in another way each time. */
const late = (transport: Transport, random: Random): Transport => ({
  async connect(options) {
    await sleep(random.between(0, 6))
    return transport.connect(options)
  },
})

/** One partition that reads `a` by the dataflow's own broker and `b` by that of a zone, whose owners die one after the
 *  other, each after a number of packets to whichever broker. */
async function live(seed: number) {
  const random = new Random(seed)
  const home = new MemoryTransport()
  const edge = new MemoryTransport()
  const every = { type: 'every' as const, intervalMs: 1e6 }
  const nodes = [
    source('a', every),
    source('b', every),
    fn('f', ['a', 'b'], { key: 'key' }),
    sink('out', ['f'], { type: 'log' }),
  ]
  const carrier = (producer: string) => (producer === 'a' ? undefined : 'edge')
  const wiring: Wiring = { ...wiringOf({ name: flow, nodes }, carrier).get('f')!, revision: 1 }
  home.publish(topics.wiring(flow, 'f'), JSON.stringify(wiring), true)

  const taken: Joined[] = []
  const done = new Taken('f.0')
  let owner: Partition | undefined
  const consumer = await edge.connect({
    clientId: 'out',
    clean: true,
    onMessage({ payload, ack }) {
      for (const { value } of done.take(payload)) taken.push(value as Joined)
      ack()
      owner?.credit('out', '0')
    },
    onClose() {},
  })
  await consumer.subscribe([topics.data(flow, 'f', 'default', 'all@edge', 0)], 1)

  let owners = 0
  let isOver = false
  const own = async () => {
    while (!isOver) {
      const lasts = owners++ < deaths ? 5 + random.between(0, 90) : Number.POSITIVE_INFINITY
      const { promise, resolve } = Promise.withResolvers<void>()
      const transport = new CrashingTransport(home, lasts, resolve)
      const beside = late(transport.beside(edge), random)
      owner = new Partition({
        flow,
        node: 'f',
        partition: 0,
        cut: { partitions: 1, key: 'key' },
        name: '0',
        transport: late(transport, random),
        transportOf: () => beside,
        wiring,
        handlersOf: () => ({ default: join as (value: unknown, ctx: Context) => unknown }),
        stateBytes: () => 1e6,
        env: {},
        log: silent,
        counters: new Counters(),
        creditOf: () => ({ progress: done.progress, frames: 2 }),
        onChange() {},
        onClosed: () => resolve(),
      })
      const mine = owner
      owner.start().catch(() => resolve())
      await promise
      void mine.drain(0)
    }
  }
  void own()
  const finished = () => {
    const [retained] = home.retained(topics.credit(flow, 'f', '0'))
    return retained && (JSON.parse(retained.payload.toString()) as CursorDocument).lanes
  }
  // One that dies between its subscriptions and its first cursor leaves the next one to look for that for 5 s.
  await until(() => finished() !== undefined, 'the first owner', 30_000)

  const halves = (side: 'a' | 'b') =>
    Array.from({ length: records }, (_, n) => ({ key: `k${n % keys}`, n, side }))
  const sent = { a: 0, b: 0 }
  while (sent.a < records || sent.b < records) {
    const side = random.next() < 0.5 ? 'a' : 'b'
    const frame = new FrameBuilder()
    const next = halves(side).slice(sent[side], sent[side] + random.between(1, 6))
    for (const value of next) frame.add('', ++sent[side], 1, value.key, JSON.stringify(value))
    if (next.length > 0)
      (side === 'a' ? home : edge).publish(
        topics.data(flow, side, 'default', side === 'a' ? 'key-1' : 'key-1@edge', 0),
        frame.build(0),
      )
    if (random.next() < 0.5) await sleep(random.between(0, 3))
  }
  const isThrough = () => ['a.0', 'b.0'].every(lane => Number(finished()?.[lane]?.[''] ?? 0) === records)
  await until(isThrough, `all to be finished, seed ${seed}`, 40_000)
  await until(() => taken.length >= records, 'all to leave', 500).catch(() => {}) // what is missing is told below
  isOver = true
  await owner?.drain(100)
  return { taken, owners }
}

const Lives = suite('a partition that reads by two brokers')

Lives('joins each pair once, whatever owner dies between which packets', async () => {
  let all = 0
  for (let seed = 1; seed <= 25; seed++) {
    const { taken, owners } = await live(seed)
    all += owners
    for (let key = 0; key < keys; key++) {
      const own = taken.filter(joined => joined.key === `k${key}`)
      const numbers = own.map(({ n }) => n).toSorted((a, b) => a - b)
      const expected = Array.from({ length: records }, (_, n) => n).filter(n => n % keys === key)
      assert.equal(numbers, expected, `seed ${seed}`)
      assert.equal(
        own.map(({ count }) => count),
        own.map((_, i) => i + 1),
        `seed ${seed}`,
      )
    }
  }
  assert.ok(all > 125, `only ${all} owners`)
})

Lives('leaves a broker only when it has finished all that was queued there', async () => {
  for (const isLast of [false, true]) {
    const home = new MemoryTransport()
    const edge = new MemoryTransport()
    const every = { type: 'every' as const, intervalMs: 1e6 }
    const nodes = [source('a', every), source('b', every), fn('f', ['a', 'b'], { key: 'key' })]
    const { v: _, ...content } = wiringOf({ name: flow, nodes }, producer =>
      producer === 'a' ? undefined : 'edge',
    ).get('f')!
    const wiring: Wiring = { v: 2, ...content, revision: 1 }
    let handled = 0
    const partition = new Partition({
      flow,
      node: 'f',
      partition: 0,
      cut: { partitions: 1, key: 'key' },
      name: '0',
      transport: home,
      transportOf: () => edge,
      wiring,
      handlersOf: () => ({
        async default() {
          await sleep(2)
          handled += 1
        },
      }),
      stateBytes: () => 1e6,
      env: {},
      log: silent,
      counters: new Counters(),
      creditOf: () => undefined,
      onChange() {},
      onClosed: () => assert.unreachable('it has lost what it holds'),
    })
    await partition.start()
    for (let n = 1; n <= 40; n++) {
      const frame = new FrameBuilder()
      frame.add('', n, 1, 'k', '1')
      edge.publish(topics.data(flow, 'b', 'default', 'key-1@edge', 0), frame.build(0))
    }
    const next: Wiring = isLast
      ? { ...wiring, revision: 2, next: { partitions: 2, key: 'key', inputs: [] }, last: true }
      : { ...wiring, v: 1, revision: 2, inputs: wiring.inputs.slice(0, 1) }
    home.publish(topics.wiring(flow, 'f'), JSON.stringify(next), true)
    await until(() => partition.revision === 2, 'the next wiring')
    assert.is(handled, 40)
    const [retained] = home.retained(topics.credit(flow, 'f', '0'))
    const cursor = JSON.parse(retained!.payload.toString()) as CursorDocument
    assert.is(cursor.lanes['b.0']![''], 40)
    assert.is(cursor.ended, isLast || undefined)
    await partition.drain(100)
  }
})

Lives.run()
