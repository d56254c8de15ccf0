import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { advise } from '../controller/placement/advice.ts'
import { evaluate } from '../controller/placement/evaluate.ts'
import { situationOf } from '../controller/placement/situation/situation.ts'
import { placesOf } from '../controller/placement/situation/traffic.ts'
import { momentsOf } from '../controller/telemetry/moments.ts'
import type { Window } from '../controller/telemetry/window.ts'
import type { Flow, FunctionNode, SinkNode, SourceNode } from '../schema/flow.ts'
import type { Problem } from '../schema/problem.ts'
import { at, busy, cloud, edge, fileOf, windowOf } from './support/climate-telemetry.ts'

const Placement = suite('situation of a dataflow')

const retry = { attempts: 1, backoffMs: 1, timeoutMs: 1, order: 'strict' as const }

const source: SourceNode = {
  kind: 'source',
  name: 'raw',
  from: [],
  spec: { type: 'mqtt', filter: 'raw/#', broker: `${edge}/`, format: 'json' },
  overflow: 'block',
  placement: {},
}
const filter: FunctionNode = {
  kind: 'function',
  name: 'filter',
  code: 'filter.ts',
  from: [{ node: 'raw', output: 'default' }],
  scale: { min: 1, max: 1 },
  concurrency: 1,
  retry,
  env: {},
  secrets: [],
  resources: { cpuMillis: 100 },
  placement: { zone: 'cloud', require: { labels: { disk: 'exists' } } },
}
const sink: SinkNode = {
  kind: 'sink',
  name: 'out',
  from: [{ node: 'filter', output: 'good' }],
  spec: { type: 'log' },
  retry,
  placement: {},
}
const flow = (more: Partial<Flow> = {}): Flow => ({ name: 'climate', nodes: [source, filter, sink], ...more })

const minutes = (count: number) => Array.from({ length: 6 * count }, (_, n) => windowOf(n))

Placement('has what is placed, where it is, and what it takes', () => {
  const { mean, current } = situationOf(fileOf(minutes(2)), flow())
  assert.equal(current, { raw: 'edge-1', filter: 'cloud-1', out: 'cloud-1' })
  const item = mean.items.find(({ name }) => name === 'filter')!
  assert.is(item.cpuMillis, 100, 'what is asked for is reserved')
  assert.is(item.memoryBytes, 8e7)
  assert.is(item.handlerMs, 0.5)
  assert.equal(item.current, { zone: 'cloud', node: 'cloud-1' })
  assert.is(item.fixed, undefined, 'the zone is a decision, and advice may change it')
})

Placement('has brokers of zones where they are, also as those of sources and sinks', () => {
  const zoneUrls = { edge: edge.replace('//', '//ada:secret@'), fog: 'mqtt://fog:1883' }
  assert.equal(placesOf(flow(), cloud, zoneUrls, {}), { [edge]: 'edge' })
  const said = { '': 'cloud', [edge]: 'fog', 'mqtt://nowhere': 'moon' }
  assert.equal(placesOf(flow(), cloud, zoneUrls, said), { '': 'cloud', [edge]: 'fog' })
  const { mean } = situationOf(fileOf(minutes(2)), flow(), placesOf(flow(), cloud, zoneUrls, {}))
  assert.equal(mean.brokers.find(({ name }) => name === edge)!.place, { zone: 'edge' })
})

Placement('has the state that travels with what is placed, of all of its hosts', () => {
  const kept = busy.map(window => ({
    ...window,
    functions: {
      ...window.functions,
      filter: { 'cloud-1': { ...window.functions.filter!['cloud-1']!, storedBytes: momentsOf(2 ** 20) } },
    },
  }))
  const { hosts } = fileOf(kept).header
  const twice = fileOf(kept, { broker: edge, hosts: [...hosts, { function: 'filter', node: 'cloud-1' }] })
  const bytes = (file: typeof twice) =>
    situationOf(file, flow()).mean.items.map(({ stateBytes }) => stateBytes)
  assert.equal(bytes(fileOf(kept, { broker: edge })), [undefined, 2 ** 20, undefined])
  assert.equal(bytes(twice), [undefined, 2 ** 21, undefined])
  assert.equal(
    bytes(fileOf(busy, { broker: edge })),
    [undefined, undefined, undefined],
    'of hosts that say nothing',
  )
})

Placement('has what travels, by which broker, and the round trips that were measured', () => {
  const { mean } = situationOf(fileOf(minutes(2)), flow())
  assert.equal(
    mean.edges.map(({ id, via, bytesPerSecond }) => [id, via, Math.round(bytesPerSecond)]),
    [
      ['raw→filter', cloud, 100_000],
      ['filter.good→out', cloud, 10_000],
      ['→raw', edge, 100_000],
    ],
  )
  assert.equal(mean.brokers, [
    { name: cloud, place: { zone: 'cloud' } },
    { name: edge, place: { zone: 'edge' } },
  ])
  assert.equal(
    mean.links.map(({ from, to, rttMs }) => [from, to, rttMs]),
    [['cloud', 'edge', 41]],
  )
  assert.equal(mean.paths, [{ id: 'raw⇒out', edges: ['→raw', 'raw→filter', 'filter.good→out'], boundMs: 0 }])
})

Placement('has the round trips of each window, and those of all where one tells none', () => {
  const trips = (ms: number) => ({
    'edge-1': { [edge]: momentsOf(0.5), [cloud]: momentsOf(ms) },
    'cloud-1': { [edge]: momentsOf(ms), [cloud]: momentsOf(0.4) },
  })
  const windows = [30, 90, 0].map((ms, n) => windowOf(n, 1e6, { roundTripMs: ms === 0 ? {} : trips(ms) }))
  const { mean, windows: each } = situationOf(fileOf(windows, { broker: edge }), flow())
  assert.equal(
    each.map(({ links }) => links[0]!.rttMs),
    [30, 90, 60],
  )
  assert.is(mean.links[0]!.rttMs, 60)
})

Placement('has a window for each stretch of equal length', () => {
  const long = { ...windowOf(0), lengthMs: 60_000 }
  const { windows } = situationOf(fileOf([long, ...minutes(2).slice(6)]), flow())
  assert.is(windows.length, 2)
})

Placement('says that nobody tells where a broker is, and takes what it is told', () => {
  const silent = minutes(1).map(window => ({ ...window, roundTripMs: {} }))
  assert.throws(
    () => situationOf(fileOf(silent), flow()),
    (problem: Problem) => problem.reason === 'BrokerUnplaced' && problem.hint!.includes('--broker-zone'),
  )
  const { mean } = situationOf(fileOf(silent), flow(), { [edge]: 'edge', [cloud]: 'cloud' })
  assert.equal(mean.brokers[0]!.place, { zone: 'cloud' })
  assert.throws(
    () => situationOf(fileOf(silent), flow(), { [edge]: 'moon', [cloud]: 'cloud' }),
    (problem: Problem) => problem.reason === 'ZoneUnknown',
  )
})

Placement('counts nothing that was only inferred as measured', () => {
  const far = minutes(1).map(window => ({
    ...window,
    roundTripMs: { 'edge-1': { [edge]: momentsOf(0.5) }, 'cloud-1': { [cloud]: momentsOf(0.5) } },
  }))
  const { mean, measured } = situationOf(fileOf(far), flow())
  assert.is(mean.links[0]!.rttMs, 50)
  assert.is(measured[0]!.links[0]!.rttMs, 0)
})

Placement('has no node that can not be used, unless something is on it, or all are alike', () => {
  const { nodes } = fileOf(minutes(2)).header
  const named = (name: string, type: string, status: 'True' | 'Unknown' = 'True') => ({
    ...nodes[0]!,
    name,
    conditions: [{ type, status }],
  })
  const others = [
    named('drained', 'Drained'),
    named('lost', 'Ready', 'Unknown'),
    named('full', 'MemoryPressure'),
    named('closed', 'Unschedulable'),
    named('well', 'Ready'),
  ]
  const used = nodes.map(node => ({
    ...node,
    conditions: [{ type: 'Unschedulable', status: 'True' as const }],
  }))
  const of = (nodes: typeof others) =>
    situationOf(fileOf(minutes(2), { nodes }), flow()).mean.nodes.map(({ name }) => name)
  assert.equal(of([...used, ...others]), ['edge-1', 'cloud-1', 'well'])
  const short = [...nodes, nodes[0]!].map((node, n) => ({
    ...node,
    name: n === 2 ? 'free' : node.name,
    conditions: [{ type: 'MemoryPressure', status: 'True' as const }],
  }))
  assert.equal(of(short), ['edge-1', 'cloud-1', 'free'])
})

Placement('knows of moves in the last day', () => {
  const moved = minutes(2).map((window, n) => {
    const { raw, filter, out } = window.functions as Required<Window['functions']>
    const there = { 'edge-1': filter!['cloud-1']! }
    return {
      ...window,
      functions: {
        raw: raw!,
        out: out!,
        filter: n < 4 ? filter! : n === 4 ? { ...filter, ...there } : there,
      },
    }
  })
  assert.equal(situationOf(fileOf(moved), flow()).moved, [at(60)])
})

Placement('leads to advice that moves a filter to where its records come from', async () => {
  const only = flow({ goal: { network: 1 } })
  const advice = await advise(situationOf(fileOf(busy, { broker: edge }), only), {
    seconds: 4,
    now: () => performance.now(),
  })
  assert.equal(
    advice.chosen!.moves.map(({ item, to }) => [item, to.zone]),
    [
      ['filter', 'edge'],
      ['out', 'edge'],
    ],
  )
})

Placement('has edges go by the broker of a zone: to filter beside the source saves then', () => {
  const placesOf = (filter: string) => ({ raw: 'edge-1', filter, out: 'cloud-1' })
  const trafficOf = (zoneBrokers: string[], filter: string) => {
    const { mean } = situationOf(fileOf(minutes(2), { zoneBrokers }), flow())
    const { edges } = evaluate(mean, placesOf(filter))
    return edges
      .filter(({ from, to }) => from && to)
      .map(({ edge, cost }) => [edge, Math.round(cost * 1e3) / 1e3])
  }
  const gib = (bytes: number) => Math.round((bytes * 3600 * 1e3) / 2 ** 30) / 1e3
  assert.equal(trafficOf(['edge'], 'edge-1'), [
    ['raw→filter', 0],
    ['filter.good→out', gib(10_000)],
  ])
  assert.equal(trafficOf([], 'edge-1'), [
    ['raw→filter', gib(200_000)],
    ['filter.good→out', gib(10_000)],
  ])
  assert.equal(trafficOf(['edge'], 'cloud-1')[0], ['raw→filter', gib(100_000)])
})

Placement.run()
