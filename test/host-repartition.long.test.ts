import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Context } from '../runtime/context.ts'
import { shardOf } from '../runtime/key.ts'
import { partitionNames, sessionId, topics } from '../schema/topics.ts'
import { brokers, type TestBroker } from './support/brokers.ts'
import { Conductor, type Manner } from './support/conductor.ts'
import { fn, type Handler, Rig, sink, source, until } from './support/rig.ts'

interface Counted {
  key: string
  n: number
  count: number
}

const keys = 40
/** Far fewer than a default mosquitto queues for a topic outside of the graph. */
const maxUnderWay = 150

let run = 0

for (const [name, start] of brokers) {
  const Cut = suite(`a change of the number of partitions on ${name}`)
  // RabbitMQ shows a new owner no state.
  const Some = name === 'rabbitmq' ? Cut.skip : Cut
  // NATS has passed all, but takes minutes for them.
  const More = name === 'nats' ? Cut.skip : Some
  // It may bring a message to a source twice that takes long to be acknowledged, as where the machine is busy.
  const once = name === 'nats' ? { id: 'n' } : {}
  let broker: TestBroker
  let rig: Rig
  let conductor: Conductor
  let heard: { payload: Buffer }[]
  let sent = 0
  let underWay = maxUnderWay
  let flowing = false
  let feeding: Promise<void>

  Cut.before(async () => {
    broker = await start()
  })
  Cut.after.each(async () => {
    flowing = false
    await feeding.catch(() => {})
    await rig.close()
    await conductor.close()
  })
  Cut.after(() => broker.close())

  const count = (value: unknown, ctx: Context) => {
    const { count } = (ctx.state as { count: number } | undefined) ?? { count: 0 }
    ctx.state = { count: count + 1 }
    return { ...(value as { key: string; n: number }), count: count + 1 }
  }

  /** A chain of two keyed functions: `count` is what is cut anew, between a producer and a consumer with partitions. */
  async function started(handlers: Record<string, Handler>, more: Parameters<typeof fn>[2] = {}) {
    const topic = `cut/${++run}`
    rig = new Rig(
      broker.url,
      [
        source('in', { type: 'mqtt', filter: `${topic}/in`, format: 'json' }, once),
        fn('first', ['in'], { key: 'key', scale: { min: 1, max: 2 } }),
        fn('count', ['first'], { key: 'key', scale: { min: 1, max: 4 }, ...more }),
        fn('last', ['count'], { key: 'key', scale: { min: 1, max: 2 } }),
        sink('out', ['last'], { type: 'mqtt', topic: `${topic}/out`, retain: false }),
        sink('quiet', ['count.quiet'], { type: 'mqtt', topic: `${topic}/quiet`, retain: false }),
      ],
      { first: value => value, last: value => value, ...handlers },
    )
    await rig.start()
    await rig.host('count')
    conductor = await Conductor.over(broker.url, rig.flow)
    conductor.unordered = name === 'nats'
    heard = await rig.listen(`${topic}/out`)
    sent = 0
    underWay = maxUnderWay
  }

  const send = (n: number, more: object = {}) =>
    rig.publish(`cut/${run}/in`, JSON.stringify({ key: `k${n % keys}`, n, ...more }))

  function flow() {
    flowing = true
    feeding = (async () => {
      while (flowing) {
        if (sent - heard.length < underWay) await send(sent++)
        else await sleep(5)
        if (sent % 8 === 0) await sleep(1)
      }
    })()
  }

  async function flowOn(records = 200) {
    const before = heard.length
    await until(() => heard.length > before + records, 'records to flow', 20_000)
  }

  async function cut(max: number, manner?: Manner, names = ['count']) {
    for (const node of rig.flow.nodes)
      if (node.kind === 'function' && names.includes(node.name)) node.scale = { min: 1, max }
    await conductor.settle(rig.flow, manner)
  }

  /** Every record once, in the order of its key, and none missing in the count of its key. */
  async function ended() {
    flowing = false
    await feeding
    await until(() => heard.length >= sent, `${sent} records`, 20_000).catch((error: Error) => {
      const got = new Set(heard.map(({ payload }) => (JSON.parse(payload.toString()) as Counted).n))
      const missing = Array.from({ length: sent }, (_, n) => n).filter(n => !got.has(n))
      throw new Error(`${error.message}: ${missing.length} missing, ${missing.slice(0, 20)}`)
    })
    await sleep(100) // for what comes twice
    const records = heard.map(({ payload }) => JSON.parse(payload.toString()) as Counted)
    for (let key = 0; key < keys; key++) {
      const own = records.filter(record => record.key === `k${key}`)
      assert.equal(
        own.map(({ n }) => n),
        own.map((_, i) => key + i * keys),
        `order of k${key}`,
      )
      assert.equal(
        own.map(({ count }) => count),
        own.map((_, i) => i + 1),
        `state of k${key}`,
      )
    }
    assert.is(records.length, sent)
  }

  /** Nothing is retained of other partitions than these, and none of them has a session. */
  async function onlyLeft(partitions: number) {
    const flow = rig.flow.name
    const retained = await rig.listen(`dyninka/${flow}/#`)
    await sleep(300)
    const names = new Set(partitionNames({ partitions, key: 'key' }))
    const ofCount = retained
      .map(({ topic }) => topic)
      .filter(topic => /\/(credit|wiring)\/count\/./.test(topic))
    assert.equal([...new Set(ofCount.map(topic => topic.split('/')[4]!))].toSorted(), [...names].toSorted())
    const states = retained.map(({ topic }) => topic).filter(topic => topic.includes('/state/count/'))
    assert.is(states.length, keys)
    for (const other of [1, 2, 4, 8, 16].filter(other => other !== partitions)) {
      for (const name of partitionNames({ partitions: other, key: 'key' }))
        assert.not.ok(await rig.hasSession(sessionId(flow, 'count', name)), name)
    }
  }

  Some(
    '4, 8, 4, 8, 4 while records flow: each once, in order per key, with the state of its key',
    async () => {
      await started({ count })
      flow()
      await flowOn()
      for (const max of [8, 4, 8, 4]) {
        await cut(max)
        await flowOn()
      }
      await ended()
      await onlyLeft(4)
      assert.equal(
        conductor.made.filter(change => change.startsWith('repartition')),
        [
          'repartition count 4 → 8',
          'repartition count 8 → 4',
          'repartition count 4 → 8',
          'repartition count 8 → 4',
        ],
      )
      assert.ok(conductor.said.some(why => why.startsWith('repartition 4 → 8: waits until first sends')))
    },
  )

  More('1, 16, 1: so does a function that had one partition', async () => {
    await started({ count }, { scale: { min: 1, max: 1 } })
    flow()
    await flowOn()
    for (const max of [16, 1]) {
      await cut(max)
      await flowOn()
    }
    await ended()
    await onlyLeft(1)
  })

  Some('goes on when hosts are killed in the middle, and what leads it between any two steps', async () => {
    await started({ count })
    flow()
    await flowOn()
    let killing = true
    const kills = (async () => {
      while (killing) {
        const node = ['count', 'first', 'last'][Math.floor(Math.random() * 3)]!
        await rig.kill(rig.hosts(node)[0]!)
        await rig.host(node)
        await sleep(100 + Math.random() * 300)
      }
    })()
    try {
      for (const max of [8, 4, 8, 4]) {
        // Each pass makes some of its changes, maybe none; the next one knows no more than the broker.
        await cut(max, { steps: planned => Math.floor(Math.random() * (planned + 1)) })
        await flowOn(100)
      }
    } finally {
      killing = false
      await kills
    }
    await flowOn()
    await ended()
    await onlyLeft(4)
  })

  More('is taken back while it is under way', async () => {
    await started({ count })
    flow()
    await flowOn()
    for (let passes = 1; passes <= 7; passes++) {
      await cut(8, { passes })
      await cut(4)
      await flowOn(100)
    }
    await ended()
    await onlyLeft(4)
  })

  More('goes on when something else of the function changes while it is under way', async () => {
    await started({ count })
    flow()
    await flowOn()
    const node = rig.flow.nodes.find(({ name }) => name === 'count')!
    for (let passes = 1; passes <= 7; passes++) {
      const max = passes % 2 === 1 ? 8 : 4
      await cut(max, { passes })
      if (node.kind === 'function') node.retry = { ...node.retry, backoffMs: 5 + passes }
      await cut(max)
    }
    await ended()
    await onlyLeft(8)
  })

  More('takes records that wait for an attempt, and timers, along with the state of their key', async () => {
    const failed = new Map<number, number>()
    const patient = {
      default(value: unknown, ctx: Context) {
        const { n } = value as Counted
        const failures = failed.get(n) ?? 0
        if (n % 7 === 0 && failures < 2) {
          failed.set(n, failures + 1)
          throw new Error('not now')
        }
        ctx.timer(Date.now() + 300)
        return count(value, ctx)
      },
      timer(ctx: Context) {
        ctx.emit('quiet', { key: ctx.record.key, ...(ctx.state as { count: number }) })
      },
    }
    await started(
      { count: patient },
      { retry: { attempts: 5, backoffMs: 100, timeoutMs: 2_000, order: 'relaxed' } },
    )
    const quiet = await rig.listen(`cut/${run}/quiet`)
    flow()
    await flowOn()
    await cut(8)
    await flowOn()
    await cut(4)
    await ended()
    await cut(8) // with a timer set for each key, and maybe fired
    const last = () =>
      new Map(quiet.map(({ payload }) => payload.toString()).map(text => [text, JSON.parse(text)]))
    const totals = () => new Map([...last().values()].map(({ key, count }: Counted) => [key, count]))
    const own = (key: number) => Math.ceil((sent - key) / keys)
    const done = () => Array.from({ length: keys }, (_, key) => totals().get(`k${key}`) === own(key))
    await until(() => done().every(Boolean), 'the last timer of each key')
    await sleep(100)
    assert.is(last().size, quiet.length, 'each fires once')
  })

  More('of three functions in a row at the same time', async () => {
    await started({ count })
    flow()
    await flowOn()
    for (const max of [8, 2, 4]) {
      await cut(max, {}, ['first', 'count', 'last'])
      await flowOn(100)
    }
    await ended()
    await onlyLeft(4)
  })

  More('comes to its end where producers wait for a slow function, too', async () => {
    let slow = true
    await started(
      {
        async count(value: unknown, ctx: Context) {
          if (slow) await sleep(10)
          return count(value, ctx)
        },
      },
      { scale: { min: 1, max: 1 } },
    )
    underWay = 300 // more than may be unfinished in one partition
    flow()
    await until(() => sent >= underWay, 'a backlog')
    await cut(8)
    slow = false
    await ended()
    await onlyLeft(8)
  })

  More('of a function without a key, and one that gets a key: each once', async () => {
    const pass = (value: unknown) => value
    await started({ count: pass })
    const node = rig.flow.nodes.find(({ name }) => name === 'count')!
    if (node.kind !== 'function') return
    const { key } = node
    flow()
    await flowOn()
    for (const [keyed, max] of [
      [false, 4],
      [false, 2],
      [true, 2],
      [false, 1],
    ] as const) {
      if (keyed) node.key = key!
      else delete node.key
      await cut(max)
      await flowOn(100)
    }
    flowing = false
    await feeding
    await until(() => heard.length >= sent, 'all records', 20_000)
    await sleep(100)
    const seen = new Set(heard.map(({ payload }) => (JSON.parse(payload.toString()) as Counted).n))
    assert.equal([heard.length, seen.size], [sent, sent])
  })

  More('lets a dead letter be replayed where its key is now', async () => {
    let broken = true
    const moving = Array.from({ length: keys }, (_, n) => n).find(n => shardOf(`k${n}`, 8) >= 4)!
    await started({
      count(value: unknown, ctx: Context) {
        if (broken && (value as Counted).n === moving + keys) throw new Error('not now')
        return count(value, ctx)
      },
    })
    const dead = await rig.listen(topics.deads(rig.flow.name))
    for (let n = 0; n < 2 * keys; n++) await send(n)
    await until(() => heard.length === 2 * keys - 1 && dead.length === 1, 'a letter, and the others')
    broken = false
    await cut(8)
    assert.is(await conductor.replay(rig.flow, 'count'), 1)
    await until(() => heard.length === 2 * keys, 'the record')
    const { key, n, count: counted } = JSON.parse(heard.at(-1)!.payload.toString()) as Counted
    assert.equal({ key, n, counted }, { key: `k${moving}`, n: moving + keys, counted: 2 })
    await onlyLeft(8)
  })

  Cut.run()
}
