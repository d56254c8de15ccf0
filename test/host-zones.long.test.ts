import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Context } from '../runtime/context.ts'
import { sessionId, topics } from '../schema/topics.ts'
import { brokers, type TestBroker } from './support/brokers.ts'
import { Conductor, type Manner } from './support/conductor.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

interface Counted {
  key: string
  n: number
  count: number
}

const keys = 20
const maxUnderWay = 150
let run = 0

for (const [name, start] of brokers) {
  const Zones = suite(`a broker for each zone, on ${name}`)
  let home: TestBroker
  let edge: TestBroker
  let south: TestBroker
  let rig: Rig
  let conductor: Conductor
  let heard: { payload: Buffer }[]
  let sent = 0
  let flowing = false
  let feeding: Promise<void> = Promise.resolve()

  Zones.before(async () => {
    home = await start()
    edge = await start()
    south = await start()
  })
  Zones.after.each(async () => {
    flowing = false
    await feeding.catch(() => {})
    await rig.close()
    await conductor.close()
  })
  Zones.after(async () => {
    for (const broker of [home, edge, south]) await broker.close()
  })

  const count = (value: unknown, ctx: Context) => {
    const { count } = (ctx.state as { count: number } | undefined) ?? { count: 0 }
    ctx.state = { count: count + 1 }
    return { ...(value as { key: string; n: number }), count: count + 1 }
  }

  /** `in` and `first` at the edge, `count` anywhere, `last` at home. */
  async function started(places: Record<string, string | undefined>) {
    const topic = `zones/${++run}`
    const at = (node: string) => ({ placement: places[node] === undefined ? {} : { zone: places[node] } })
    rig = new Rig(
      home.url,
      [
        source('in', { type: 'mqtt', filter: `${topic}/in`, format: 'json' }, at('in')),
        fn('first', ['in'], { key: 'key', scale: { min: 1, max: 2 }, ...at('first') }),
        fn('count', ['first'], { key: 'key', scale: { min: 1, max: 4 }, ...at('count') }),
        fn('last', ['count'], { key: 'key', scale: { min: 1, max: 2 }, ...at('last') }),
        sink('out', ['last'], { type: 'mqtt', topic: `${topic}/out`, retain: false }),
      ],
      { first: value => value, count, last: value => value },
      {},
      { edge: edge.url, south: south.url },
    )
    await rig.start()
    await rig.host('count')
    conductor = await Conductor.over(home.url, rig.flow, { edge: edge.url, south: south.url })
    for (const node of rig.flow.nodes) conductor.brokers[node.name] = ['edge', 'south']
    heard = await rig.listen(`${topic}/out`)
    sent = 0
  }

  function flow() {
    flowing = true
    feeding = (async () => {
      while (flowing) {
        if (sent - heard.length < maxUnderWay) {
          const n = sent++
          await rig.publish(`zones/${run}/in`, JSON.stringify({ key: `k${n % keys}`, n }))
        } else await sleep(5)
        if (sent % 8 === 0) await sleep(1)
      }
    })()
  }

  async function flowOn(records = 200) {
    const before = heard.length
    await until(() => heard.length > before + records, 'records to flow', 30_000)
  }

  async function move(places: Record<string, string | undefined>, manner?: Manner) {
    for (const node of rig.flow.nodes)
      if (node.name in places)
        node.placement = places[node.name] === undefined ? {} : { zone: places[node.name]! }
    await conductor.settle(rig.flow, manner)
  }

  /** Every record once, in the order of its key, and none missing in the count of its key. */
  async function ended() {
    flowing = false
    await feeding
    await until(() => heard.length >= sent, `${sent} records`, 30_000).catch((error: Error) => {
      const got = new Set(heard.map(({ payload }) => (JSON.parse(payload.toString()) as Counted).n))
      const missing = Array.from({ length: sent }, (_, n) => n).filter(n => !got.has(n))
      throw new Error(`${error.message}: ${missing.length} missing, ${missing.slice(0, 20)}`)
    })
    await sleep(100) // for what comes twice
    const records = heard.map(({ payload }) => JSON.parse(payload.toString()) as Counted)
    for (let key = 0; key < keys; key++) {
      const own = records.filter(record => record.key === `k${key}`)
      const wrong = own.findIndex(({ n, count }, i) => n !== key + i * keys || count !== i + 1)
      const around = JSON.stringify(own.slice(Math.max(0, wrong - 2), wrong + 4))
      assert.is(wrong, -1, `order and state of k${key}: ${around}`)
    }
    assert.is(records.length, sent)
  }

  Zones('an edge goes by the broker of its zone, and the home broker sees nothing of it', async () => {
    await started({ in: 'edge', first: 'edge' })
    const data = topics.output(rig.flow.name, '+', '+')
    const [atHome, atEdge] = [await rig.listen(data), await rig.listen(data, edge.url)]
    const stored = await rig.listen(`dyninka/${rig.flow.name}/state/#`, edge.url)
    flow()
    await flowOn(300)
    await ended()
    const producers = (all: { topic: string }[]) =>
      [...new Set(all.map(({ topic }) => topic.split('/')[3]))].toSorted()
    assert.equal(producers(atHome), ['count', 'last'])
    assert.equal(producers(atEdge), ['first', 'in'])
    assert.is(stored.length, 0)
  })

  Zones('producers move between zones while records flow', async () => {
    await started({ first: 'edge' })
    flow()
    await flowOn()
    for (const places of [
      { first: 'south' },
      { first: undefined, count: 'edge' },
      { in: 'edge', first: 'edge', count: 'south', last: 'edge' },
      { in: 'south', first: undefined },
      { in: undefined, first: undefined, count: undefined, last: undefined },
    ]) {
      await move(places)
      await flowOn()
    }
    await ended()
    // A pass with nothing to do may only wait for hosts to say what they have in effect.
    for (let pass = 0; pass < 50 && Object.values(conductor.brokers).flat().length > 0; pass++) {
      await conductor.settle(rig.flow)
      await sleep(100)
    }
    for (const node of ['first', 'count', 'last'])
      for (const broker of [edge, south])
        for (const partition of ['0of2', '1of2', '0of4', '3of4'])
          assert.not.ok(await rig.hasSession(sessionId(rig.flow.name, node, partition), broker.url), node)
  })

  Zones('producers move while hosts are killed', async () => {
    await started({ in: 'edge', first: 'edge' })
    flow()
    await flowOn()
    const kill = async () => {
      for (const node of ['first', 'count', 'last', 'count', 'first']) {
        const [id] = rig.hosts(node)
        await rig.kill(id!)
        await rig.host(node)
        await sleep(100)
      }
    }
    for (const places of [
      { first: 'south', in: 'south' },
      { first: undefined, count: 'edge' },
      { in: 'edge', first: 'edge' },
    ]) {
      await Promise.all([move(places), kill()])
      await flowOn()
    }
    await ended()
  })

  Zones('a number of partitions changes while producers move', async () => {
    await started({ first: 'edge' })
    flow()
    await flowOn()
    for (const [max, zone] of [
      [8, 'south'],
      [4, 'edge'],
      [2, undefined],
      [4, 'south'],
    ] as const) {
      const node = rig.flow.nodes.find(({ name }) => name === 'count')!
      if (node.kind === 'function') node.scale = { min: 1, max }
      await conductor.settle(rig.flow, { passes: 2 })
      await move({ first: zone })
      await flowOn()
    }
    await ended()
  })

  Zones('a link to the broker of a zone is cut, and other lanes go on', async () => {
    await started({ in: 'edge', first: 'edge', count: 'south' })
    flow()
    await flowOn()
    for (const node of ['first', 'count', 'last']) {
      const ids = rig.hosts(node)
      const told = await rig.listen(topics.hosts(rig.flow.name, node))
      for (const id of ids) rig.linkTo(id, 'edge').cut()
      if (node !== 'last')
        await until(
          () => told.some(({ payload }) => /waits for the broker of zone edge/.test(payload.toString())),
          'the reason to be told',
        )
      for (const id of ids) rig.linkTo(id, 'south').cut()
      await sleep(1_000)
      for (const id of ids) {
        rig.linkTo(id, 'edge').mend()
        rig.linkTo(id, 'south').mend()
      }
      await flowOn()
    }
    await ended()
  })

  Zones.run()
}
