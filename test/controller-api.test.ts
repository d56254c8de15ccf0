import { createHmac } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Controller, startController } from '../controller/controller.ts'
import type { ControllerEvent } from '../controller/options.ts'
import { Access } from '../controller/server/access.ts'
import { type Server, startServer } from '../controller/server/server.ts'
import { tokenFor } from '../controller/server/token.ts'
import type { DataflowStatus } from '../controller/status.ts'
import { until } from './support/controlled.ts'

interface World {
  root: string
  dir: string
  controller: Controller
  events: ControllerEvent[]
}

const Api = suite<World>('API of the controller')

const flow = `apiVersion: dyninka.dev/v1
name: served
sources:
  tick: { every: 50ms }
functions:
  count: { code: count.ts, from: tick, retry: { attempts: 1 } }
sinks:
  out: { from: count, log: {} }
`
const count = `import type { Context } from 'dyninka'
export default function count(_: unknown, ctx: Context<{ state: number }>): { n: number } {
  const n = (ctx.state = (ctx.state ?? 0) + 1)
  if (ctx.record.id.endsWith(':3')) throw new Error('not three')
  return { n }
}
`

Api.before(async context => {
  context.root = await mkdtemp(join(tmpdir(), 'dyninka-'))
  context.dir = join(context.root, 'flow')
  await mkdir(context.dir)
  await writeFile(join(context.dir, 'dataflow.yaml'), flow)
  await writeFile(join(context.dir, 'count.ts'), count)
  context.events = []
  context.controller = await startController({
    dir: context.dir,
    state: join(context.root, 'state'),
    webhookSecret: 'hook',
    logger: pino({ level: 'silent' }),
    onEvent: event => context.events.push(event),
  })
  await until(
    'it is ready',
    () => context.events.some(({ type }) => type === 'ready'),
    () => JSON.stringify(context.events),
  )
})
Api.after(async ({ root, controller }) => {
  await controller.stop({ hosts: true })
  await rm(root, { recursive: true, force: true, maxRetries: 5 })
})

const get = async <T>({ controller }: World, path: string) =>
  (await fetch(controller.url + path)).json() as Promise<T>
const post = ({ controller }: World, path: string, body: string, headers = {}) =>
  fetch(controller.url + path, { method: 'POST', body, headers })

Api('tells where each dataflow stands', async world => {
  const { dataflows } = await get<{ dataflows: DataflowStatus[] }>(world, '/api/status')
  const [served] = dataflows
  assert.is(served!.name, 'served')
  assert.match(served!.revision, /^worktree@sha256:/)
  assert.equal(
    served!.functions.map(({ name, kind }) => [name, kind]),
    [
      ['tick', 'source'],
      ['count', 'function'],
      ['out', 'sink'],
    ],
  )
  const { artifact, hosts } = served!.functions[1]!
  assert.is(hosts[0]!.artifact, artifact)
  assert.is(hosts[0]!.node, 'local')
})

Api('counts records, and what waits', async world => {
  await until('records were counted', async () => {
    const { dataflows } = await get<{ dataflows: DataflowStatus[] }>(world, '/api/status')
    const { recordsIn, recordsOut, lag } = dataflows[0]!.functions[1]!
    return recordsIn > 2 && recordsOut > 2 && lag < 100
  })
  const text = await (await fetch(`${world.controller.url}/metrics`)).text()
  assert.match(text, /dyninka_records_in_total\{dataflow="served",function="count"\} [1-9]/)
  assert.match(text, 'dyninka_dataflow_ready{dataflow="served"} 1')
})

Api('gives the graph with its rates', async world => {
  interface Graph {
    edges: { from: string; output: string; to: string; recordsPerSecond?: number }[]
  }
  await until('the rate is known', async () => {
    const { edges } = await get<Graph>(world, '/api/graph?flow=served')
    const rate = edges.find(({ from }) => from === 'tick')?.recordsPerSecond ?? 0
    return edges.length === 2 && rate > 5 && rate < 30
  })
})

Api('lets records be watched as they pass, and lets go of who leaves', async world => {
  const response = await fetch(`${world.controller.url}/api/tap?function=count&limit=3`)
  assert.is(response.headers.get('content-type'), 'application/x-ndjson')
  const records = (await response.text())
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.is(records.length, 3)
  assert.is(records[1].value.n, records[0].value.n + 1)
  assert.equal([records[0].function, records[0].output], ['count', 'default'])
  const leaving = new AbortController()
  const endless = await fetch(`${world.controller.url}/api/tap?function=count`, { signal: leaving.signal })
  await endless.body!.getReader().read()
  leaving.abort()
})

Api('shows logs, and follows them', async world => {
  const leaving = new AbortController()
  const response = await fetch(`${world.controller.url}/api/logs?function=out&lines=1&follow=1`, {
    signal: leaving.signal,
  })
  let lines = 0
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    for (const line of chunk.trim().split('\n')) {
      const { function: name, msg, time } = JSON.parse(line)
      assert.equal([name, msg], ['out', 'record'])
      assert.type(time, 'number')
    }
    lines += 1
    if (lines === 3) break
  }
  leaving.abort()
})

Api('lists, replays and drops dead letters', async world => {
  interface Letter {
    id: string
    function: string
    message: string
  }
  await until('there is a letter', async () => (await get<Letter[]>(world, '/api/dead')).length === 1)
  const [letter] = await get<Letter[]>(world, '/api/dead?function=count')
  assert.equal([letter!.function, letter!.message], ['count', 'not three'])
  const none = await post(
    world,
    '/api/dead/replay',
    JSON.stringify({ flow: 'served', function: 'count', ids: ['0/999'] }),
  )
  assert.equal(await none.json(), { count: 0 })
  const source = await post(world, '/api/dead/replay', JSON.stringify({ flow: 'served', function: 'tick' }))
  assert.is(((await source.json()) as { error: { reason: string } }).error.reason, 'NotReplayable')
  const replayed = await post(
    world,
    '/api/dead/replay',
    JSON.stringify({ flow: 'served', ids: [letter!.id] }),
  )
  assert.equal(await replayed.json(), { count: 1 })
  // It fails again, and is a new letter.
  await until('there is another', async () => {
    const letters = await get<Letter[]>(world, '/api/dead')
    return letters.length === 1 && letters[0]!.id !== letter!.id
  })
  assert.equal(await (await post(world, '/api/dead/drop', JSON.stringify({ flow: 'served' }))).json(), {
    count: 1,
  })
  assert.equal(await get<Letter[]>(world, '/api/dead'), [])
})

Api('says what is wrong with a request, and what there is instead', async world => {
  const cases: [path: string, status: number, reason: string][] = [
    ['/api/graph?flow=nowhere', 404, 'NoSuchDataflow'],
    ['/api/logs?function=nobody', 404, 'NoSuchFunction'],
    ['/api/tap?flow=served', 400, 'BadRequest'],
    ['/api/logs?lines=many', 400, 'BadRequest'],
    ['/api/nothing', 404, 'NotFound'],
    ['/webhook', 405, 'MethodNotAllowed'],
  ]
  for (const [path, status, reason] of cases) {
    const response = await fetch(world.controller.url + path)
    const { error } = (await response.json()) as { error: { reason: string; message: string } }
    assert.equal([path, response.status, error.reason], [path, status, reason])
  }
  assert.is((await post(world, '/api/dead/drop', '{')).status, 400)
  assert.is((await post(world, '/api/dead/drop', 'x'.repeat(2 << 20))).status, 413)
})

Api('takes a webhook with the right signature only', async world => {
  const body = JSON.stringify({ ref: 'refs/heads/main' })
  const signature = createHmac('sha256', 'hook').update(body).digest('hex')
  assert.is(
    (await post(world, '/webhook', body, { 'x-hub-signature-256': `sha256=${signature}` })).status,
    202,
  )
  assert.is((await post(world, '/webhook', body, { 'x-gitea-signature': signature })).status, 202)
  assert.is((await post(world, '/webhook', body)).status, 403)
  assert.is((await post(world, '/webhook', `${body} `, { 'x-gitea-signature': signature })).status, 403)
})

Api('answers no web page that reaches it under a foreign name', async ({ controller }) => {
  const { port } = new URL(controller.url)
  const statusWith = (headers: Record<string, string>) =>
    new Promise(resolve => {
      request({ port, host: '127.0.0.1', path: '/api/status', headers }, response => {
        response.resume()
        resolve(response.statusCode)
      }).end()
    })
  assert.is(await statusWith({ host: 'evil.example' }), 403)
  assert.is(await statusWith({ host: `evil.example:${port}` }), 403)
  assert.is(await statusWith({ host: `localhost:${port}`, origin: 'https://evil.example' }), 403)
  assert.is(await statusWith({ host: `localhost:${port}` }), 200)
})

Api('asks for a token on any other address, and keeps it where only its owner reads', async ({ root }) => {
  const access = new Access('0.0.0.0')
  const check = (authorization?: string) =>
    access.check({
      headers: { host: 'controller.example', ...(authorization && { authorization }) },
    } as never)
  assert.throws(() => check(), /token/)
  assert.throws(() => check('Bearer wrong'), /token/)
  assert.is(check(`Bearer ${access.token}`), undefined)
  // One Dataflow has a token of its own, which opens the API for it alone.
  const one = tokenFor(access.token!, 'uid-1')
  assert.is(check(`Bearer ${one}`), 'uid-1')
  assert.is(access.check({ headers: { 'x-dyninka-token': one } }), 'uid-1')
  const forged = [one.replace('uid-1', 'uid-2'), `${one}x`, tokenFor('another', 'uid-1'), '.', 'uid-1.']
  for (const token of forged) assert.throws(() => check(`Bearer ${token}`), /token/)
  const file = join(root, 'state', 'controller.json')
  assert.is((await stat(file)).mode & 0o777, 0o600)
  assert.equal(Object.keys(JSON.parse(await readFile(file, 'utf8'))), ['url', 'token', 'pid'])
})

Api('passes on that an answer was cut off', async () => {
  const dying = createServer((_, response) => {
    response.write('{"half":')
    setTimeout(() => response.destroy(), 50)
  })
  await new Promise<void>(resolve => dying.listen(0, '127.0.0.1', resolve))
  const front = await standby(`http://127.0.0.1:${(dying.address() as AddressInfo).port}`)
  const response = await fetch(`${front.url}/api/tap`)
  const rest = await response.text().then(
    () => 'whole',
    () => 'cut off',
  )
  assert.is(rest, 'cut off')
  await front.close()
  dying.close()
})

/** Of a replica that stands by, and knows another one that does the work. */
const standby = (url: string | undefined, webhookSecret?: string): Promise<Server> =>
  startServer({
    members: () => [],
    isReady: () => true,
    elsewhere: () => ({ ...(url !== undefined && { url }) }),
    ...(webhookSecret !== undefined && { webhookSecret }),
    address: '127.0.0.1',
    port: 0,
    log: pino({ level: 'silent' }),
  })

Api('answers through a replica that stands by as it does itself', async world => {
  const front = await standby(world.controller.url)
  const through = { ...world, controller: { ...world.controller, url: front.url } }
  try {
    const [graph, same] = await Promise.all([
      get<object>(through, '/api/graph?rates=0'),
      get<object>(world, '/api/graph?rates=0'),
    ])
    assert.equal(graph, same)
    const tapped = await fetch(`${front.url}/api/tap?function=count&limit=2`)
    assert.is((await tapped.text()).trim().split('\n').length, 2)
    assert.is((await post(through, '/api/dead/drop', JSON.stringify({ function: 'nowhere' }))).status, 404)
    const body = JSON.stringify({ ref: 'refs/heads/main' })
    const signature = createHmac('sha256', 'hook').update(body).digest('hex')
    assert.is((await post(through, '/webhook', body, { 'x-gitea-signature': signature })).status, 202)
    // Who looks on may leave, and the one that is asked hears of it.
    const tapping = await fetch(`${front.url}/api/tap?function=count`)
    const reader = tapping.body!.getReader()
    assert.ok((await reader.read()).value!.length > 0)
    await reader.cancel()
  } finally {
    await front.close()
  }
})

Api('says so when no replica does the work, or it is gone', async ({ controller }) => {
  const [nobody, gone] = await Promise.all([standby(undefined), standby('http://127.0.0.1:9')])
  // Two that each take the other for the leader.
  const lost = await standby(nobody.url)
  try {
    for (const { url } of [nobody, gone, lost]) {
      const response = await fetch(`${url}/api/status`)
      assert.is(response.status, 503)
      const { error } = (await response.json()) as { error: { reason: string; hint: string } }
      assert.match(error.reason, url === gone.url ? 'LeaderUnreachable' : 'NoLeader')
      assert.match(error.hint, 'takes over')
      assert.is((await fetch(`${url}/healthz`)).status, 200)
    }
    assert.is((await fetch(`${controller.url}/api/status`)).status, 200)
  } finally {
    await Promise.all([nobody, gone, lost].map(server => server.close()))
  }
})

Api('takes an edit of the working folder within a moment', async world => {
  const before = world.events.length
  await writeFile(join(world.dir, 'count.ts'), count.replace('{ n }', '{ n: -n }'))
  await until('it is swapped', () => world.events.slice(before).some(({ type }) => type === 'swapped'))
  const response = await fetch(`${world.controller.url}/api/tap?function=count&limit=2`)
  const values = (await response.text())
    .trim()
    .split('\n')
    .map(line => JSON.parse(line).value.n)
  assert.ok(
    values.some(n => n < -3),
    `the state went along: ${values}`,
  )
})

Api('keeps running what ran when dataflow.yaml is gone for a moment', async world => {
  const before = world.events.length
  await rm(join(world.dir, 'dataflow.yaml'))
  await until('it says so', () => world.events.slice(before).some(({ type }) => type === 'source-failed'))
  const { dataflows } = await get<{ dataflows: DataflowStatus[] }>(world, '/api/status')
  assert.ok(dataflows[0]!.functions.every(({ phase }) => phase === 'Running'))
  await writeFile(join(world.dir, 'dataflow.yaml'), flow)
})

Api.run()
