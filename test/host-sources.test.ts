import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { SourceNode, SourceSpec } from '../schema/flow.ts'
import { intakeSessionId } from '../schema/topics.ts'
import { brokers, freePort, type TestBroker } from './support/brokers.ts'
import { type Rig, until } from './support/rig.ts'
import { closeAll, from, large, number, numbers, reportsOf, started } from './support/source-rig.ts'

const Sources = suite<{ broker: TestBroker }>('sources')
Sources.before(async world => {
  const [, start] = brokers.find(([name]) => name === 'aedes')!
  world.broker = await start()
})
Sources.after.each(closeAll)
Sources.after(({ broker }) => broker.close())

Sources(
  'http: takes POSTed JSON, one record or one a line, and says what is wrong with the rest',
  async ({ broker }) => {
    const port = await freePort()
    const { heard } = await started(broker.url, 'http', { type: 'http', port, path: '/in' })
    const send = async (body: string | undefined, path = '/in', type = 'application/json') => {
      const method = body === undefined ? 'GET' : 'POST'
      const headers = { 'content-type': type }
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers,
        ...(body && { body }),
      })
      return [response.status, await response.json()]
    }
    assert.equal(await send('{"n":1}'), [202, { accepted: 1 }])
    assert.equal(await send('{"n":2}\n{"n":3}\n', '/in', 'application/x-ndjson'), [202, { accepted: 2 }])
    assert.equal(await send('not JSON'), [400, { error: 'the body is not JSON' }])
    assert.equal(await send('{}', '/other'), [404, { error: 'nothing here: POST to /in' }])
    assert.equal(await send(undefined), [405, { error: 'POST JSON' }])
    assert.equal(await send(`"${'x'.repeat(1024 * 1024)}"`), [
      413,
      { error: 'over the limit of 1048576 bytes' },
    ])
    assert.equal(await send('{"n":4}'), [202, { accepted: 1 }])
    await until(() => heard.length === 4, 'the records')
    assert.equal(numbers(heard), [1, 2, 3, 4])
  },
)

Sources(
  'http: answers 503 while the dataflow is full, and takes records again afterwards',
  async ({ broker }) => {
    const port = await freePort()
    const { rig, heard } = await started(broker.url, 'full', { type: 'http', port, path: '/' })
    const post = (body: string) =>
      fetch(`http://127.0.0.1:${port}/`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body,
      })
    await rig.kill(rig.hosts('pass')[0]!)
    const size = 100
    const batch = (first: number) =>
      Array.from({ length: size }, (_, i) => large(first + i, 8_000)).join('\n')
    // Each is answered once all of it is in the graph.
    const posts = Array.from({ length: 20 }, (_, i) => post(batch(i * size)))
    const refused = await Promise.any(
      posts.map(async post => ((await post).status === 503 ? post : Promise.reject())),
    )
    assert.is(refused.headers.get('retry-after'), '1')
    await rig.host('pass')
    const accepted = (await Promise.all(posts)).filter(({ status }) => status === 202).length
    await until(() => heard.length === accepted * size, 'all that was accepted')
    assert.ok(accepted > 0 && accepted < posts.length)
    assert.is((await post('{"n":0}')).status, 202)
  },
)

Sources('every: counts, and gives the time', async ({ broker }) => {
  const { heard } = await started(broker.url, 'every', { type: 'every', intervalMs: 20 })
  await until(() => heard.length >= 3, 'three ticks')
  const [first = 0, second] = numbers(heard)
  assert.is(second, first + 1)
  const { at } = JSON.parse(heard[0]!.payload.toString())
  assert.is(new Date(at).toISOString(), at)
})

Sources('id: drops a record whose value was seen', async ({ broker }) => {
  const spec = { type: 'mqtt', filter: 'id/in', format: 'json' } as const
  const { rig, heard } = await started(broker.url, 'id', spec, { id: 'n' })
  for (const n of [1, 2, 1, 2, 3]) await rig.publish('id/in', JSON.stringify({ n }))
  await until(() => numbers(heard).includes(3), 'the last record')
  assert.equal(numbers(heard), [1, 2, 3])
})

Sources('mqtt: are taken up once more where their connection alone is lost', async ({ broker }) => {
  const { rig, heard } = await started(broker.url, 'lost', from('lost/in'))
  const report = await reportsOf(rig)
  const [host] = rig.hosts('in')
  const { takeovers } = report()
  rig.link(host!).sever(id => id === intakeSessionId(rig.flow.name, 'in'))
  await until(() => rig.hosting(host!).revision === 0, 'the loss')
  await rig.publish('lost/in', number(1))
  await until(() => rig.hosting(host!).revision > 0, 'the source back')
  await rig.publish('lost/in', number(2))
  await until(() => heard.length === 2, 'both records')
  // Those that are taken up again and again wait 1 s, then 2 s.
  await sleep(3_500)
  assert.is(rig.hosting(host!).revision, 1)
  assert.is(report().takeovers, takeovers + 1)
  assert.equal(numbers(heard), [1, 2])
})

Sources(
  'mqtt: have nothing under way once all is through, whatever was when the session was lost',
  async ({ broker }) => {
    const { rig, heard } = await started(broker.url, 'hand', from('hand/in'))
    const report = await reportsOf(rig)
    await rig.kill(rig.hosts('pass')[0]!)
    for (let n = 1; n <= 500; n++) await rig.publish('hand/in', large(n, 4_000))
    await until(() => report().inFlight > 0, 'records under way')
    rig.link(rig.hosts('in')[0]!).sever()
    await rig.host('pass')
    await until(() => numbers(heard).includes(500), 'the last record')
    await until(() => report().inFlight === 0, 'none under way')
  },
)

/** Changes what the source of a rig reads. */
async function reads(rig: Rig, spec: SourceSpec) {
  const [node] = rig.flow.nodes as [SourceNode]
  node.spec = spec
  await rig.wire(2)
}

Sources('mqtt: read another topic, and no more the one before, without a takeover', async ({ broker }) => {
  const { rig, heard } = await started(broker.url, 'other', from('other/in'))
  const report = await reportsOf(rig)
  const { takeovers } = report()
  await reads(rig, from('another/in'))
  const [host] = rig.hosts('in')
  await until(() => rig.hosting(host!).revision === 2, 'the other topic')
  await rig.publish('other/in', number(0))
  await rig.publish('another/in', number(1))
  await until(() => heard.length > 0, 'the record')
  await sleep(1_500)
  assert.is(rig.hosting(host!).revision, 2)
  assert.is(report().takeovers, takeovers)
  assert.equal(numbers(heard), [1])
})

Sources(
  'mqtt: also where no host ran meanwhile, and what had come by then is not lost',
  async ({ broker }) => {
    const { rig, heard } = await started(broker.url, 'away', from('away/in'))
    await rig.stop(rig.hosts('in')[0]!)
    await rig.publish('away/in', number(1))
    await reads(rig, from('elsewhere/in'))
    await rig.ready(await rig.host('in'))
    await rig.publish('away/in', number(0))
    await rig.publish('elsewhere/in', number(2))
    await until(() => numbers(heard).includes(2), 'the record')
    assert.equal(numbers(heard), [1, 2])
  },
)

Sources(
  'mqtt: read another topic, where the dataflow is full, once there is room, and nothing is repeated',
  async ({ broker }) => {
    const { rig, heard } = await started(broker.url, 'held', from('held/in'))
    const report = await reportsOf(rig)
    await rig.kill(rig.hosts('pass')[0]!)
    const each = 500
    for (let n = 1; n <= each; n++) await rig.publish('held/in', large(n, 4_000))
    await until(() => report().recordsIn > 0, 'records')
    await reads(rig, from('later/in'))
    await sleep(1_500)
    assert.ok(report().recordsIn < each, `${report().recordsIn} taken in`)
    await rig.host('pass')
    await until(() => rig.hosting(rig.hosts('in')[0]!).revision === 2, 'the other topic')
    for (let n = each + 1; n <= 2 * each; n++) await rig.publish('later/in', large(n, 4_000))
    await until(() => numbers(heard).includes(2 * each), 'the last record')
    assert.equal(
      numbers(heard),
      Array.from({ length: 2 * each }, (_, i) => i + 1),
    )
  },
)

Sources('mqtt: leave no session behind where something else is read', async ({ broker }) => {
  const { rig } = await started(broker.url, 'ticks', from('ticks/in'))
  await reads(rig, { type: 'every', intervalMs: 50 })
  const [host] = rig.hosts('in')
  await until(() => rig.hosting(host!).revision === 2, 'ticks')
  assert.is(await rig.hasSession(intakeSessionId(rig.flow.name, 'in')), false)
})

for (const [what, more] of [
  ['', {}],
  [', also where a field identifies them', { id: 'n' }],
] as const)
  Sources(
    `mqtt: records are not repeated when a host stops and another goes on${what}`,
    async ({ broker }) => {
      const topic = `stop${more.id}`
      const { rig, heard } = await started(broker.url, topic, from(`${topic}/in`), more)
      const total = 4_000
      const sending = (async () => {
        for (let n = 1; n <= total; n++) await rig.publish(`${topic}/in`, number(n))
      })()
      for (let stop = 0; stop < 3; stop++) {
        const [host] = rig.hosts('in')
        const enough = heard.length + 200
        await until(() => heard.length > enough, 'records to flow')
        await rig.stop(host!)
        await rig.ready(await rig.host('in'))
      }
      await sending
      await until(() => numbers(heard).includes(total), 'the last record')
      assert.equal(
        numbers(heard),
        Array.from({ length: total }, (_, i) => i + 1),
      )
    },
  )

Sources.run()
