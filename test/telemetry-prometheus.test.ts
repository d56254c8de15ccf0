import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readTelemetry } from '../controller/telemetry/file.ts'
import { askPrometheus } from '../controller/telemetry/prometheus.ts'
import { type Snapshot, snapshotOf } from '../controller/telemetry/snapshot.ts'
import type { Window } from '../controller/telemetry/window.ts'
import type { Problem } from '../schema/problem.ts'
import { cli } from './support/cli.ts'
import { Controlled, until } from './support/controlled.ts'
import { hasPrometheus, startPrometheus } from './support/prometheus.ts'
import { makeRepository } from './support/repository.ts'

const Asked = suite('telemetry from Prometheus')
const onPrometheus = hasPrometheus() ? Asked : Asked.skip

const files = {
  'dataflow.yaml': `apiVersion: dyninka.dev/v1
name: measured
sources:
  tick: { every: 50ms }
functions:
  count: { code: count.ts, from: tick }
sinks:
  out: { from: count, log: {} }
`,
  'count.ts': `import type { Context } from 'dyninka'
export default function count(_: unknown, ctx: Context<{ state: number }>): { n: number } {
  ctx.state = (ctx.state ?? 0) + 1
  return { n: ctx.state }
}
`,
}
const minuteMs = 60_000
/** So that what was scraped until now is in the last window. */
const nextMinute = () => Math.ceil(Date.now() / minuteMs) * minuteMs

onPrometheus('has what the controller measured, by node and edge', async () => {
  const repository = await makeRepository()
  await repository.publish(files)
  const controlled = await Controlled.over({ repo: repository.bare, nodes: [{ name: 'shed', zone: 'edge' }] })
  const prometheus = await startPrometheus(controlled.url)
  try {
    await controlled.ready(undefined, 60_000)
    const ask = () =>
      askPrometheus({
        url: prometheus.url,
        dataflow: 'measured',
        since: Date.now() - 60 * minuteMs,
        now: nextMinute(),
      })
    let windows: Window[] = []
    const newest = () => windows.at(-1)
    await until(
      'a rate, and the way to the broker',
      async () => {
        windows = await ask()
        const { edges, roundTripMs, functions } = newest() ?? {}
        return (
          edges?.count?.tick?.recordsPerSecond !== undefined &&
          roundTripMs?.shed !== undefined &&
          functions?.count?.shed?.storedBytes !== undefined
        )
      },
      undefined,
      90_000,
    )
    const { edges, functions, roundTripMs, lengthMs } = newest()!
    assert.is(lengthMs, minuteMs)
    const rate = edges.count!.tick!.recordsPerSecond!.mean
    assert.ok(rate > 5 && rate < 25, `${rate} of 20 a second`)
    assert.ok(functions.count!.shed!.residentBytes.mean > 1e7)
    assert.ok(functions.count!.shed!.calls > 0 && functions.count!.shed!.handlerMs > 0)
    assert.is(functions.count!.shed!.hosts.mean, 1)
    assert.equal(Object.keys(roundTripMs.shed!), [controlled.brokerUrl.replace(/\/$/, '')])

    const from = ['--prometheus', prometheus.url, '--url', controlled.url]
    const shown = await cli(['telemetry', 'show', '--since', '1h', '--json', ...from])
    assert.is(shown.code, 0, shown.stderr)
    const snapshot = JSON.parse(shown.stdout) as Snapshot
    assert.equal(snapshot.functions.find(({ name }) => name === 'count')!.hosts, [
      { node: 'shed', zone: 'edge', hosts: 1 },
    ])
    const exported = await cli(['telemetry', 'export', '--since', '7h', ...from])
    const file = readTelemetry(Buffer.from(exported.stdout), 'the export')
    assert.equal(snapshotOf(file).flow, 'measured')
    const other = await askPrometheus({ url: prometheus.url, dataflow: 'x"}', since: 0, now: nextMinute() })
    assert.equal(other, [], 'of a dataflow that is not there')
  } finally {
    await prometheus.close()
    await controlled.remove()
    await repository.remove()
  }
})

/** An HTTP server that is no Prometheus, or one with other figures. */
async function asked(answer: (request: IncomingMessage, response: ServerResponse) => void, path = '') {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const now = 10 * minuteMs
  const url = `http://ada:secret@127.0.0.1:${port}${path}`
  try {
    return await askPrometheus({ url, dataflow: 'f', since: 0, now })
  } finally {
    server.close()
    server.closeAllConnections()
  }
}

Asked('leaves out what no figure can be, and takes the rest', async () => {
  const windows = await asked((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://it')
    assert.is(pathname, '/under/api/v1/query_range')
    assert.is(request.headers.authorization, `Basic ${Buffer.from('ada:secret').toString('base64')}`)
    const query = searchParams.get('query')!
    const series = (metric: object, values: [number, string][]) => ({
      metric: { dataflow: 'f', ...metric },
      values,
    })
    const bytes = [
      series({ from: 'a', to: 'b' }, [
        [120, '100'],
        [180, '+Inf'],
        [240, '-1'],
        [300, 'NaN'],
        [360, '1e308'],
      ]),
      series({ from: 'a' }, [[120, '5']]),
    ]
    const result = query.includes('dyninka_edge_bytes_per_second{dataflow="f"}[60s]') ? bytes : []
    response.end(JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } }))
  }, '/under/')
  assert.is(windows.length, 1)
  assert.equal([windows[0]!.start, windows[0]!.lengthMs], [60_000, 60_000])
  assert.equal(windows[0]!.edges.b!.a!.bytesPerSecond!.mean, 100)
})

const refusals: [what: string, status: number, body: string, reason: string, says: RegExp][] = [
  ['another program', 200, '<html>', 'PrometheusRefused', /no answer of its API.*\/api\/v1/],
  ['a login that is not enough', 403, 'no', 'PrometheusRefused', /HTTP 403.*a password in the URL/],
  [
    'a query that is too much',
    422,
    '{"status":"error","error":"too many samples"}',
    'PrometheusRefused',
    /too many samples/,
  ],
]
for (const [what, status, body, reason, says] of refusals)
  Asked(`tells of ${what}, and never a password`, async () => {
    const problem = await asked((_, response) => response.writeHead(status).end(body)).then(
      () => assert.unreachable(),
      (error: Problem) => error,
    )
    assert.is(problem!.reason, reason)
    assert.match(`${problem!.message} ${problem!.hint}`, says)
    assert.not.match(problem!.message, /secret|ada/)
  })

Asked('tells of one that is not there, and of a connection that ends', async () => {
  const error = (url: string) =>
    askPrometheus({ url, dataflow: 'f', since: 0, now: minuteMs }).then(
      () => assert.unreachable(),
      (problem: Problem) => problem.reason,
    )
  assert.is(await error('http://127.0.0.1:1'), 'PrometheusUnreachable')
  const ended = await asked((_, response) => void response.socket!.destroy()).catch(
    (problem: Problem) => problem.reason,
  )
  assert.is(ended, 'PrometheusUnreachable')
})

Asked('is asked under a URL', async () => {
  const { code, stderr } = await cli(['telemetry', 'show', '--prometheus', 'prometheus:9090'])
  assert.is(code, 2)
  assert.match(stderr, 'It is like http://prometheus.example:9090.')
})

Asked.run()
