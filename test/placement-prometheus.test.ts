import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Controlled, until } from './support/controlled.ts'
import { TestForge } from './support/forge/forge.ts'
import { startGitServer } from './support/git-server.ts'
import { freePort } from './support/process-broker.ts'
import { hasPrometheus, startPrometheus } from './support/prometheus.ts'
import { makeRepository } from './support/repository.ts'

const Asked = suite('suggestions from what a Prometheus has scraped')
const onPrometheus = hasPrometheus() ? Asked : Asked.skip

const flow = (zone: string) => `apiVersion: dyninka.dev/v1
name: climate
goal: { network: 1 }
sources:
  tick: { every: 20ms, placement: { zone: edge, keep: true } }
functions:
  filter: { code: filter.js, from: tick, placement: { zone: ${zone} } }
sinks:
  out: { from: filter, log: {}, placement: { zone: cloud, keep: true } }
`
const filter = 'export default ({ n }) => (n % 10 === 0 ? { n } : undefined)\n'

const minuteMs = 60_000

/** A day in which far more came than comes now, up to this minute. */
function yesterday(): string {
  const now = Math.floor(Date.now() / minuteMs) * 60
  const times = Array.from({ length: 24 * 60 }, (_, i) => now - (24 * 60 - 1 - i) * 60)
  const metric = (name: string, labels: Record<string, string>, value: (i: number) => number) =>
    times.map((time, i) => {
      const all = Object.entries({ dataflow: 'climate', ...labels }).map(([key, text]) => `${key}="${text}"`)
      return `dyninka_${name}{${all}} ${value(i)} ${time}`
    })
  const busy = (mean: number) => (i: number) => mean * (1 + 0.1 * Math.sin(i))
  const edges = [
    ['tick', 'filter', 1e8],
    ['filter', 'out', 1e7],
  ] as const
  const places = { tick: 'edge-1', filter: 'cloud-1', out: 'cloud-1' }
  const of = (name: string, lines: string[]) => [`# TYPE dyninka_${name} gauge`, ...lines]
  const hosts = (name: string, value: number) =>
    of(
      name,
      Object.entries(places).flatMap(([node, at]) => metric(name, { function: node, node: at }, () => value)),
    )
  return [
    ...of(
      'edge_bytes_per_second',
      edges.flatMap(([from, to, bytes]) => metric('edge_bytes_per_second', { from, to }, busy(bytes))),
    ),
    ...of(
      'edge_records_per_second',
      edges.flatMap(([from, to, bytes]) =>
        metric('edge_records_per_second', { from, to }, busy(bytes / 1e3)),
      ),
    ),
    ...hosts('node_hosts', 1),
    ...hosts('host_cpu_cores', 0.02),
    ...hosts('host_resident_bytes', 8e7),
    '# EOF\n',
  ].join('\n')
}

onPrometheus('become a pull request, and only what it says counts', async () => {
  const repository = await makeRepository('ada/climate')
  const [server, forge] = [await startGitServer(repository.root), await TestForge.start()]
  await repository.publish({ 'dataflow.yaml': flow('cloud'), 'filter.js': filter })
  const listen = `127.0.0.1:${await freePort()}`
  const prometheus = await startPrometheus(`http://${listen}`, yesterday())
  const options = {
    repo: `${server.url}/ada/climate.git`,
    nodes: [
      { name: 'edge-1', zone: 'edge' },
      { name: 'cloud-1', zone: 'cloud' },
    ],
    brokerZone: 'edge',
    listen,
    intervalMs: 500,
    forge: { type: 'github' as const, url: forge.url, auth: { token: forge.token } },
    proposing: { everyMs: 1_000, prometheus: prometheus.url },
  }
  const controlled = await Controlled.over(options)
  const suggestion = async () => (await controlled.status())?.suggestion
  try {
    await controlled.ready(undefined, 60_000)
    await until(
      'a pull request is there',
      async () => (await suggestion())?.state === 'unchanged',
      () => JSON.stringify(forge.pulls.all.map(({ title }) => title)),
      60_000,
    )
    const { moves, savesPerHour } = (await suggestion())!
    assert.equal(moves, [{ function: 'filter', zone: 'edge', node: 'edge-1' }])
    // 1e8 bytes a second no longer leave the edge, 1e7 no longer go there and back: GiB an hour.
    const expected = ((1e8 + 1e7) * 3600) / 2 ** 30
    assert.ok(Math.abs(savesPerHour! - expected) < 0.05 * expected, `${savesPerHour} of ${expected}`)
    const [pull] = forge.pulls.all
    assert.is(pull!.title, 'climate: move filter to edge')
    await repository.git('fetch', '--quiet', 'origin', 'dyninka/climate')
    assert.is(await repository.git('show', 'FETCH_HEAD:dataflow.yaml'), flow('edge'))

    await prometheus.close()
    await until(
      'it says that nobody answers',
      async () => (await suggestion())?.reason === 'PrometheusUnreachable',
    )
    assert.is(pull!.state, 'open')
    assert.is(forge.pulls.all.length, 1)
    assert.equal(forge.faults, [])
  } finally {
    await controlled.remove()
    await prometheus.close()
    await forge.stop()
    await server.stop()
    await repository.remove()
  }
})

Asked.run()
