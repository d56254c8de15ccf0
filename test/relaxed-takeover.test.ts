import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Counters } from '../runtime/counters.ts'
import { Progress } from '../runtime/cursor.ts'
import { decode, FrameBuilder } from '../runtime/frame.ts'
import { silent } from '../runtime/log.ts'
import { MemoryTransport } from '../runtime/memory-transport.ts'
import { Partition } from '../runtime/partition.ts'
import { topics } from '../schema/topics.ts'
import { wiringOf } from '../schema/wiring.ts'
import { fn, sink, source, until } from './support/rig.ts'

const Relaxed = suite('a takeover among records that fail and wait')

interface Value {
  key: string
  n: number
}

const flow = 'relaxed'
const retry = { attempts: 100, backoffMs: 5, timeoutMs: 60_000, order: 'relaxed' as const }
const nodes = [
  source('in', { type: 'every', intervalMs: 1e6 }),
  fn('f', ['in'], { key: 'key', retry }),
  sink('out', ['f'], { type: 'log' }),
]
const wiring = { ...wiringOf({ name: flow, nodes }).get('f')!, revision: 1 }

/** A partition that owners take from each other, and the records that a consumer does not drop as repeats. */
async function world() {
  const transport = new MemoryTransport()
  transport.publish(topics.wiring(flow, 'f'), JSON.stringify(wiring), true)
  const taken: number[] = []
  const done = new Progress()
  const consumer = await transport.connect({
    clientId: 'out',
    clean: true,
    onMessage({ payload, ack }) {
      for (const { origin, seq, value } of decode(payload).records)
        if (done.advance('f.0', origin, seq)) taken.push((value as Value).n)
      ack()
    },
    onClose() {},
  })
  await consumer.subscribe([topics.data(flow, 'f', 'default', 'all', 0)], 1)
  const owners: Partition[] = []
  return {
    taken,
    /** @param handler throws, waits for ever, or lets the record through */
    async own(handler: (value: Value) => unknown) {
      const owner = new Partition({
        flow,
        node: 'f',
        partition: 0,
        cut: { partitions: 1, key: 'key' },
        name: '0',
        transport,
        wiring,
        handlersOf: () => ({ default: value => handler(value as Value) ?? value }),
        stateBytes: () => 1e6,
        env: {},
        log: silent,
        counters: new Counters(),
        progressOf: () => undefined,
        onChange() {},
        onClosed() {},
      })
      owners.push(owner)
      await owner.start()
    },
    send(values: Value[]) {
      const frame = new FrameBuilder()
      for (const value of values) frame.add('', String(value.n), 1, value.key, JSON.stringify(value))
      transport.publish(topics.data(flow, 'in', 'default', 'key-1', 0), frame.build(0))
    },
    async close() {
      for (const owner of owners) await owner.drain(100)
    },
  }
}

const never = () => new Promise(() => {})

Relaxed('loses none that failed, and whose successors have left', async () => {
  const { own, send, taken, close } = await world()
  await own(({ n }) => {
    if (n === 1) throw new Error('not now')
    return n === 3 ? never() : undefined
  })
  send([
    { key: 'a', n: 1 },
    { key: 'b', n: 2 },
    { key: 'c', n: 3 },
  ])
  await until(() => taken.includes(2), 'the second to pass the first')
  await own(() => undefined) // nothing fails any more: alone, the first would come behind the second
  await until(() => taken.length === 3, 'all three')
  assert.equal(taken.toSorted(), [1, 2, 3])
  await close()
})

Relaxed('loses none whose next attempt failed, and whose successors have left', async () => {
  const { own, send, taken, close } = await world()
  const tried = new Set<number>()
  let isLast = false
  await own(({ n }) => {
    const isFirst = !tried.has(n)
    tried.add(n)
    if (isFirst || n === 1 || (n === 3 && !taken.includes(2))) throw new Error('not now')
    if (n !== 3) return undefined
    isLast = true
    return never()
  })
  send([
    { key: 'a', n: 1 },
    { key: 'b', n: 2 },
    { key: 'c', n: 3 },
  ])
  await until(() => isLast, 'the second to leave, and the third to be tried')
  await own(() => undefined)
  await until(() => taken.length === 3, 'all three')
  assert.equal(taken.toSorted(), [1, 2, 3])
  await close()
})

Relaxed('repeats none that left, and fails now', async () => {
  const { own, send, taken, close } = await world()
  await own(({ n }) => (n === 2 ? never() : undefined))
  send([
    { key: 'a', n: 1 },
    { key: 'b', n: 2 },
  ])
  await until(() => taken.includes(1), 'the first')
  let failed = false
  await own(({ n }) => {
    if (n !== 1 || failed) return
    failed = true
    throw new Error('not now')
  })
  await until(() => taken.includes(2), 'the second')
  send([{ key: 'a', n: 3 }])
  await until(() => taken.includes(3), 'the third')
  assert.ok(failed)
  assert.equal(taken, [1, 2, 3])
  await close()
})

Relaxed.run()
