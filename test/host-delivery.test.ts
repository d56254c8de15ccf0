import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Context } from '../runtime/context.ts'
import { NonRetryableError } from '../runtime/index.ts'
import type { SinkNode } from '../schema/flow.ts'
import { topics } from '../schema/topics.ts'
import { brokers, type TestBroker } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

interface Reading {
  key: string
  n: number
}

let run = 0
const nodes = (id: { id?: string }) => [
  source('in', { type: 'mqtt', filter: `x/${++run}/in`, format: 'json' }, id),
  fn('parse', ['in']),
  fn('count', ['parse'], { key: 'key', scale: { min: 1, max: 2 } }),
  sink('out', ['count'], { type: 'mqtt', topic: `x/${run}/out`, retain: false }),
]

const handlers = {
  parse: (value: unknown) => value,
  count: (value: unknown, ctx: Context) => {
    const state = (ctx.state as { count: number } | undefined) ?? { count: 0 }
    state.count += 1
    ctx.state = state
    return { ...(value as Reading), count: state.count }
  },
}

for (const [name, start] of brokers) {
  const Delivery = suite(`host delivery on ${name}`)
  let broker: TestBroker
  Delivery.before(async () => {
    broker = await start()
  })
  Delivery.after.each(async () => {
    for (const rig of rigs.splice(0)) await rig.close()
  })
  Delivery.after(() => broker.close())

  // NATS may bring a message to a source twice when its acknowledgment takes `ack_wait`: at the edge of the graph.
  const id = name === 'nats' ? { id: 'n' } : {}
  // RabbitMQ brings no retained message to a subscription with a wildcard: a new owner finds no state, and hosts do
  // not find each other. `dyninka run` refuses it for that; what is left out here is what breaks.
  const WithState = name === 'rabbitmq' ? Delivery.skip : Delivery
  const rigs: Rig[] = []
  const rigOf = (handled: typeof handlers) => {
    const rig = new Rig(broker.url, nodes(id), handled)
    rigs.push(rig)
    return rig
  }
  const send = async (rig: Rig, records: number, from = 1) => {
    for (let n = from; n < from + records; n++)
      await rig.publish(`x/${run}/in`, JSON.stringify({ key: `k${n % 5}`, n }))
  }
  const parsed = (heard: { payload: Buffer }[]) =>
    heard.map(({ payload }) => JSON.parse(payload.toString()) as Reading & { count: number })

  Delivery('carries every record once and in order per key', async () => {
    const rig = await rigOf(handlers).start()
    const heard = await rig.listen(`x/${run}/out`)
    await send(rig, 200)
    await until(() => heard.length >= 200, '200 records')
    const counts = new Map<string, number>()
    for (const { key, count } of parsed(heard)) {
      assert.is(count, (counts.get(key) ?? 0) + 1)
      counts.set(key, count)
    }
  })

  WithState('loses and repeats nothing in state when hosts are killed', async () => {
    const rig = await rigOf(handlers).start()
    const heard = await rig.listen(`x/${run}/out`)
    const victims = { parse: await rig.host('parse'), count: await rig.host('count') }
    const sending = send(rig, 600)
    for (let round = 0; round < 6; round++) {
      await until(() => heard.length >= round * 80, `${round * 80} records`)
      const node = round % 2 ? 'parse' : 'count'
      const next = await rig.host(node)
      await rig.kill(victims[node])
      victims[node] = next
    }
    await sending
    const seen = () => new Set(parsed(heard).map(({ n }) => n)).size
    await until(() => seen() === 600, '600 different records')
    // Each key's count is the model's: nothing was counted twice, nothing left out, nothing out of order.
    const counts = new Map<string, number>()
    for (const { n, key, count } of parsed(heard).sort((a, b) => a.n - b.n)) {
      const last = counts.get(key) ?? 0
      assert.ok(count === last + 1 || count === last, `record ${n} has count ${count} after ${last}`)
      counts.set(key, count)
    }
    assert.equal([...counts.values()], [120, 120, 120, 120, 120])
  })

  WithState('hands over to a newer generation while records flow', async () => {
    const rig = await rigOf(handlers).start()
    const heard = await rig.listen(`x/${run}/out`)
    const sending = send(rig, 300)
    await until(() => heard.length > 50, 'records')
    const next = await rig.host('count', {
      generation: 2,
      handler: (value, ctx) => ({ ...(handlers.count(value, ctx) as object), v: 2 }),
    })
    await rig.ready(next)
    await sending
    await rig.publish(`x/${run}/in`, JSON.stringify({ key: 'k1', n: 301 }))
    // The last record's lane may be ahead of the other lanes: wait for all of them.
    const seen = () => new Set(parsed(heard).map(({ n }) => n)).size
    await until(() => seen() === 301, '301 different records')
    const records = parsed(heard) as (Reading & { count: number; v?: number })[]
    assert.is(records.find(({ n }) => n === 301)!.v, 2)
    for (const { n, count } of records) assert.is(count, Math.ceil(n / 5))
  })

  WithState('goes on after the connections were cut', async () => {
    const rig = rigOf(handlers)
    await rig.wire()
    const ids: string[] = []
    for (const node of ['out', 'count', 'parse', 'in']) {
      const id = await rig.host(node)
      await rig.ready(id)
      ids.push(id)
    }
    const heard = await rig.listen(`x/${run}/out`)
    const sending = send(rig, 200)
    await until(() => heard.length > 20, 'records')
    for (const id of ids.slice(0, 3)) rig.link(id).sever()
    await sending
    await until(() => new Set(parsed(heard).map(({ n }) => n)).size === 200, '200 records')
    for (const { n, count } of parsed(heard)) assert.is(count, Math.ceil(n / 5))
  })

  Delivery('puts what cannot be handled aside, with the reason', async () => {
    let mended = false
    const rig = await rigOf({
      ...handlers,
      parse: (value: unknown) => {
        if ((value as Reading).n === 2 && !mended) throw new Error('two is bad')
        if ((value as Reading).n === 4) throw new NonRetryableError('four is hopeless')
        if ((value as Reading).n === 3) return { n: 3 }
        return value
      },
    }).start()
    const heard = await rig.listen(`x/${run}/out`)
    const dead = await rig.listen(topics.deads(rig.flow.name))
    await rig.publish(`x/${run}/in`, 'not json')
    await rig.publish(`x/${run}/in`, `"${'x'.repeat(1024 * 1024)}"`)
    for (const key of ['\ud800', 'k'.repeat(2_000)])
      await rig.publish(`x/${run}/in`, JSON.stringify({ key, n: -key.length }))
    await send(rig, 5)
    await until(() => heard.length === 2 && dead.length === 7, '2 records and 7 letters')
    const letters = dead.map(({ payload }) => JSON.parse(payload.toString()))
    assert.equal(letters.map(({ function: f, reason }) => `${f} ${reason}`).sort(), [
      'count no-key',
      'count no-key',
      'count no-key',
      'in not-json',
      'in too-large',
      'parse threw',
      'parse threw',
    ])
    assert.is(letters.find(({ message }) => message === 'four is hopeless').attempts, 1)
    const threw = letters.find(({ message }) => message === 'two is bad')
    assert.is(threw.attempts, 2)
    assert.is(threw.message, 'two is bad')
    assert.equal(threw.record.value, { key: 'k2', n: 2 })
    mended = true
    await rig.publish(topics.replay(rig.flow.name, 'parse', 0), JSON.stringify(threw))
    await until(() => heard.length === 3, 'the replayed record')
  })

  Delivery('follows a sink to another place, and restarts nothing', async () => {
    const rig = await rigOf(handlers).start()
    const before = await rig.listen(`x/${run}/out`)
    const after = await rig.listen(`x/${run}/elsewhere`)
    await send(rig, 5)
    await until(() => before.length === 5, 'records at the first place')
    const out = rig.flow.nodes.find(({ name }) => name === 'out') as SinkNode
    out.spec = { type: 'mqtt', topic: `x/${run}/elsewhere`, retain: false }
    await rig.wire(2)
    for (const node of ['out', 'count', 'parse', 'in']) await rig.ready(rig.hosts(node)[0]!)
    await send(rig, 5, 6)
    await until(() => after.length === 5, 'records at the second place')
    assert.is(before.length, 5)
  })

  Delivery('takes a foreign message off the queue, and goes on', async () => {
    const rig = await rigOf(handlers).start()
    const heard = await rig.listen(`x/${run}/out`)
    const topic = topics.data(rig.flow.name, 'parse', 'default', 'key-2', 0)
    for (const rubbish of ['', 'x', '{}', '{"v":2}', '[]', '{"v":1,"r":[1],"p":0,"s":["1"],"t":1,"o":[]}'])
      await rig.publish(topic, rubbish)
    await send(rig, 5)
    await until(() => heard.length === 5, 'the records')
  })

  Delivery('holds the source back while a consumer is away, and loses nothing', async () => {
    const rig = await rigOf(handlers).start()
    const heard = await rig.listen(`x/${run}/out`)
    const away = rig.hosts('count')
    for (const id of away) await rig.kill(id)
    // A default mosquitto drops without a word what is beyond 1,000 messages in a queue, the source's own included.
    // NATS, one message at a time, and RabbitMQ are slow to bring them.
    const records = { aedes: 3_000, mosquitto: 900 }[name] ?? 300
    await send(rig, records)
    await rig.host('count')
    await until(() => heard.length >= records, `${records} records`, 20_000)
    assert.is(new Set(parsed(heard).map(({ n }) => n)).size, records)
    for (const { n, count } of parsed(heard)) assert.is(count, Math.ceil(n / 5))
  })

  Delivery.run()
}
