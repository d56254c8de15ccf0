import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { brokers, freePort, type TestBroker } from './support/brokers.ts'
import { until } from './support/rig.ts'
import { closeAll, large, numbers, started } from './support/source-rig.ts'

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

Sources.run()
