import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AwayKeys } from '../runtime/away-keys.ts'
import type { Context } from '../runtime/context.ts'
import { Counters } from '../runtime/counters.ts'
import type { CursorDocument } from '../runtime/cursor.ts'
import { FrameBuilder } from '../runtime/frame.ts'
import { silent } from '../runtime/log.ts'
import { MemoryTransport } from '../runtime/memory-transport.ts'
import { Partition } from '../runtime/partition.ts'
import { stateFilter, stateKey } from '../runtime/place.ts'
import type { Seq } from '../runtime/record-id.ts'
import type { StateDocument } from '../runtime/state-document.ts'
import type { Transport } from '../runtime/transport.ts'
import { topics } from '../schema/topics.ts'
import { type Wiring, wiringOf } from '../schema/wiring.ts'
import { CrashingTransport } from './support/crashing-transport.ts'
import { fn, sink, source, until } from './support/rig.ts'
import { Taken } from './support/taken.ts'

/** Numbers from 0 to 1 that a seed repeats. */
function randomOf(seed: number) {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const Away = suite('keys that are away')

Away('are found as long as they are there, with what they were added with', () => {
  const random = randomOf(1)
  const keys = new AwayKeys()
  const model = new Map<string, string>()
  for (let step = 0; step < 60_000; step++) {
    const key = `key ${Math.floor(random() * 3_000)}`
    const json = `${step}`
    if (random() < 0.5) {
      assert.is(keys.add(key, json), !model.has(key))
      if (!model.has(key)) model.set(key, json)
    } else {
      keys.delete(key)
      model.delete(key)
    }
    assert.is(keys.size, model.size)
  }
  for (let n = 0; n < 3_000; n++) {
    const key = `key ${n}`
    assert.is(keys.has(key), model.has(key))
    assert.is(keys.hasWith(key, model.get(key) ?? ''), model.has(key))
    assert.not(keys.hasWith(key, 'another'))
  }
})

Away.run()

type Operation = 'add' | 'delete' | 'look' | 'pass' | 'timer'
interface Step {
  key: string
  operation: Operation
  n: number
}
type Total = Context<{ state: { total: number; text: string } }>

const farAway = 8e15

/** Does what a step says, at once or a little later, and reads the state before and after it has waited. */
function act(value: unknown, ctx: Total): unknown {
  const { key, operation, n } = value as Step
  const before = ctx.state?.total
  if (operation === 'pass') return { key, n }
  if (operation === 'add') ctx.state = { total: (before ?? 0) + n, text: 'x'.repeat(n) }
  if (operation === 'delete') {
    ctx.state = undefined
    ctx.timer(undefined)
  }
  if (operation === 'timer') ctx.timer(farAway + n)
  return { key, n, before: before ?? null }
}
async function actLater(value: unknown, ctx: Total): Promise<unknown> {
  await sleep((value as Step).n % 3)
  return act(value, ctx)
}

/** What the steps come to: outputs in order, and what is stored of each key. */
function expected(steps: Step[]) {
  const stored = new Map<string, { value?: unknown; timer?: number }>()
  const outputs = steps.map(({ key, operation, n }) => {
    const { value, timer } = stored.get(key) ?? {}
    const before = (value as { total: number } | undefined)?.total
    if (operation === 'add')
      stored.set(key, { value: { total: (before ?? 0) + n, text: 'x'.repeat(n) }, ...(timer && { timer }) })
    if (operation === 'delete') stored.delete(key)
    if (operation === 'timer') stored.set(key, { ...(value !== undefined && { value }), timer: farAway + n })
    return operation === 'pass' ? { key, n } : { key, n, before: before ?? null }
  })
  return { outputs, stored }
}

/** Shows a retained message late: the first who asks for it gets the one before, as NATS does now and then. */
class LateBroker extends MemoryTransport {
  #before = new Map<string, Buffer>()
  #newest = new Map<string, Buffer>()

  override retained(filter: string) {
    const before = this.#before.get(filter)
    this.#before.delete(filter)
    return before ? [{ topic: filter, payload: before }] : super.retained(filter)
  }

  override publish(topic: string, payload: string | Buffer, retain = false) {
    const old = this.#newest.get(topic)
    if (topic.includes('/state/') && old) this.#before.set(topic, old)
    this.#newest.set(topic, Buffer.from(payload))
    super.publish(topic, payload, retain)
  }
}

const place = { node: 'f', partition: 0, cut: { partitions: 1, key: 'key' }, name: '0' }

const flow = 'bounded'

function wiringFor(concurrency: number): Wiring {
  const nodes = [
    source('in', { type: 'every', intervalMs: 1e6 }),
    fn('f', ['in'], { key: 'key', concurrency }),
    sink('out', ['f'], { type: 'log' }),
  ]
  return { ...wiringOf({ name: flow, nodes }).get('f')!, revision: 1 }
}

const optionsFor = (wiring: Wiring, handler: Life['handler'], stateBytes: number) => ({
  flow,
  ...place,
  wiring,
  handlersOf: () => ({ default: handler as (value: unknown, ctx: Context) => unknown, timer() {} }),
  env: {},
  log: silent,
  counters: new Counters(),
  stateBytes: () => stateBytes,
  onChange() {},
})

interface Life {
  seed: number
  broker: MemoryTransport
  stateBytes: number
  handler: (value: unknown, ctx: Total) => unknown
  concurrency: number
}

/** One partition, whose owners die one after the other, fed with random steps. */
async function live({ seed, broker, stateBytes, handler, concurrency }: Life) {
  const random = randomOf(seed)
  const wiring = wiringFor(concurrency)
  const operations: Operation[] = ['add', 'add', 'add', 'delete', 'look', 'pass', 'timer']
  const steps = Array.from({ length: 300 }, (_, i): Step => {
    // Most timers stay with a few keys, or all would be held in memory.
    const key = `key/${Math.floor(random() * 30)}`
    const operation = operations[Math.floor(random() * operations.length)]!
    return { key, operation: operation === 'timer' && random() < 0.7 ? 'look' : operation, n: i + 1 }
  })

  const outputs = new Map<Seq, unknown>()
  const heard = new Taken('f.0')
  let partition: Partition | undefined
  const consumer = await broker.connect({
    clientId: randomUUID(),
    clean: true,
    onMessage({ payload }) {
      for (const { seq, value } of heard.take(payload)) outputs.set(seq, value)
      partition?.credit('out', '0')
    },
    onClose() {},
  })
  await consumer.subscribe([topics.data(flow, 'f', 'default', 'all', 0)], 1)

  let owners = 0
  let over = false
  const own = async (): Promise<void> => {
    owners += 1
    const lasts = owners <= 12 ? 8 + Math.floor(random() * 60) : Number.POSITIVE_INFINITY
    const next = Promise.withResolvers<void>()
    const owner = new Partition({
      ...optionsFor(wiring, handler, stateBytes),
      transport: new CrashingTransport(broker, lasts, next.resolve),
      creditOf: () => ({ progress: heard.progress, frames: 2 }),
      onClosed: () => next.resolve(),
    })
    partition = owner
    owner.start().catch(() => next.resolve())
    await next.promise
    if (!over) await own()
  }
  const owning = own()
  await until(() => partition!.revision === 1, 'the first owner')

  let seq = 0
  for (let i = 0; i < steps.length; ) {
    const frame = new FrameBuilder()
    const many = 1 + Math.floor(random() * 8)
    for (const step of steps.slice(i, i + many)) frame.add('', ++seq, 1, step.key, JSON.stringify(step))
    i += many
    broker.publish(topics.data(flow, 'in', 'default', wiring.inputs[0]!.stream, 0), frame.build(0))
    if (random() < 0.6) await sleep(random() * 4)
  }
  const cursor = () =>
    JSON.parse(broker.retained(topics.credit(flow, 'f', place.name))[0]!.payload.toString()) as CursorDocument
  await until(() => cursor().lanes['in.0']?.[''] === steps.length, 'all steps to be finished')
  await until(() => partition!.revision === 1, 'the last owner')
  over = true
  await partition!.drain(1_000)
  void owning
  await consumer.close()
  return {
    steps,
    outputs: [...outputs.values()],
    owners,
    cursor: cursor(),
    documents: documentsOf(broker),
  }
}

function documentsOf(broker: MemoryTransport) {
  const filter = stateFilter({ flow, ...place })
  return new Map(
    broker.retained(filter).map(({ topic, payload }) => {
      const { value, timer } = JSON.parse(payload.toString()) as StateDocument
      return [
        stateKey(topic),
        { ...(value !== undefined && { value }), ...(timer !== undefined && { timer }) },
      ] as const
    }),
  )
}

const sorted = <T>(entries: Map<string, T>) => [...entries].sort(([a], [b]) => (a < b ? -1 : 1))

const Lives = suite('state in bounded memory')

const limits = { 'none at all': 0, 'a few keys': 1_500, 'all keys': Number.POSITIVE_INFINITY }
const handlers = { 'at once': { handler: act, concurrency: 1 }, later: { handler: actLater, concurrency: 4 } }

for (const [room, stateBytes] of Object.entries(limits)) {
  for (const [when, how] of Object.entries(handlers)) {
    Lives(`with room for ${room}, is what one run makes it, whoever dies; handled ${when}`, async () => {
      for (let seed = 1; seed <= 6; seed++) {
        const life = await live({ seed, broker: new MemoryTransport(), stateBytes, ...how })
        const model = expected(life.steps)
        assert.equal(life.outputs, model.outputs, `outputs, seed ${seed}`)
        assert.equal(sorted(life.documents), sorted(model.stored), `state, seed ${seed}`)
        assert.is(life.cursor.keys, model.stored.size, `keys that the cursor counts, seed ${seed}`)
        assert.ok(life.owners > 3, `only ${life.owners} owners`)
      }
    })
  }
}

Lives('is never read back as it was before, where the broker shows it late', async () => {
  const life = await live({ seed: 7, broker: new LateBroker(), stateBytes: 0, ...handlers['at once'] })
  const model = expected(life.steps)
  assert.equal(life.outputs, model.outputs)
  assert.equal(sorted(life.documents), sorted(model.stored))
})

Lives('is read in one go for all records that wait, each in a frame of its own', async () => {
  const broker = new MemoryTransport()
  let reads = 0
  let room = 0
  const counting: Transport = {
    async connect(options) {
      const connection = await broker.connect(options)
      return {
        ...connection,
        async subscribe(filters, qos) {
          if (filters.every(filter => filter.includes('/state/') && !filter.includes('#'))) reads += 1
          await connection.subscribe(filters, qos)
        },
      }
    },
  }
  const partition = new Partition({
    ...optionsFor({ ...wiringFor(1), outputs: {} }, act, 0),
    stateBytes: () => room,
    transport: counting,
    creditOf: () => undefined,
    onClosed() {},
  })
  await partition.start()
  const finished = () =>
    Number(
      JSON.parse(`${broker.retained(topics.credit(flow, 'f', '0'))[0]!.payload}`).lanes['in.0']?.[''] ?? 0,
    )
  let seq = 0
  const sendToEach = async () => {
    for (let n = 0; n < 100; n++) {
      const frame = new FrameBuilder()
      const step: Step = { key: `k${n}`, operation: 'add', n: 1 }
      frame.add('', ++seq, 1, step.key, JSON.stringify(step))
      broker.publish(topics.data(flow, 'in', 'default', wiringFor(1).inputs[0]!.stream, 0), frame.build(0))
    }
    await until(() => finished() === seq, 'all to be finished')
  }
  await sendToEach()
  assert.is(reads, 0, 'none for keys that are new')
  room = 1_000_000
  await sendToEach()
  assert.ok(reads > 0 && reads <= 4, `${reads} reads`)
  await partition.drain(1_000)
})

Lives.run()
