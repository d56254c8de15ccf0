import { gzipSync } from 'node:zlib'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readTelemetry, type TelemetryFile, writeTelemetry } from '../controller/telemetry/file.ts'
import { momentsOf } from '../controller/telemetry/moments.ts'
import { snapshotOf } from '../controller/telemetry/snapshot.ts'
import type { Window } from '../controller/telemetry/window.ts'
import { Problem } from '../schema/problem.ts'
import { windowOf } from './support/telemetry.ts'

const File = suite('a file of telemetry')

const at = Date.parse('2026-11-26T12:00:00Z')
const broker = 'mqtt://10.0.0.1:1883'

const file = (windows: Window[]): TelemetryFile => ({
  header: {
    v: 1,
    kind: 'dyninka-telemetry',
    flow: 'etl',
    at: new Date(at).toISOString(),
    since: new Date(at - 60_000).toISOString(),
    revision: 'main@sha1:abc',
    broker,
    graph: [
      { name: 'in', kind: 'source', from: [] },
      { name: 'f', kind: 'function', from: [{ node: 'in', output: 'default' }] },
    ],
    hosts: [
      { function: 'in', node: 'shed' },
      { function: 'f', node: 'rack' },
      { function: 'f', node: 'rack' },
    ],
    nodes: [
      { name: 'shed', zone: 'edge', labels: {}, conditions: [{ type: 'Ready', status: 'True' }] },
      { name: 'rack', zone: 'cloud', labels: { camera: '' }, capacity: { cpuMillis: 4_000 }, conditions: [] },
    ],
  },
  windows,
})

const functionWindow = (calls: number) => ({
  hosts: momentsOf(2),
  calls,
  handlerMs: 3 * calls,
  cpuMillis: momentsOf(120),
  residentBytes: momentsOf(5e7),
  storedBytes: momentsOf(1e6),
  busy: momentsOf(0.2),
})

/** Of the last `count` windows before it was exported, less `age`. */
const measured = (count: number, age = 0): Window[] =>
  Array.from({ length: count }, (_, i) => ({
    ...windowOf(at - age - (count - i) * 10_000, 100 + 10 * (i % 2)),
    functions: { f: { rack: functionWindow(50) } },
    roundTripMs: { shed: { [broker]: momentsOf(40) }, rack: { [broker]: momentsOf(2) } },
    refused: { malformed: 1 },
  }))

File('is read as it was written, with gzip and without', () => {
  const written = file(measured(4))
  for (const isCompressed of [true, false])
    assert.equal(readTelemetry(writeTelemetry(written, isCompressed), 'x'), written)
  assert.equal(snapshotOf(readTelemetry(writeTelemetry(written, true), 'x')), snapshotOf(written))
})

const text = writeTelemetry(file(measured(2)), false).toString()
const lines = text.split('\n')
const window = (change: object) =>
  [lines[0], JSON.stringify({ ...file(measured(1)).windows[0], ...change })].join('\n')
const trip = (change: object) =>
  window({ roundTripMs: { rack: { [broker]: { ...momentsOf(2), ...change } } } })
const wrong: [what: string, content: string | Buffer, message: RegExp][] = [
  ['a round trip below nothing', trip({ mean: -1 }), /line 2: .*mean must be >= 0/],
  ['a round trip beyond all numbers', trip({ max: 1e308 }), /line 2: .*max must be <= 1e\+?30/],
  ['nothing', '', /line 1: it is no JSON/],
  ['another file', 'apiVersion: dyninka.dev/v1\n', /line 1: it is no JSON/],
  ['some other JSON', '{"a":1}\n', /line 1: it must have required property/],
  ['a newer version', text.replace('"v":1', '"v":2'), /line 1: it is of version 2, and this one reads 1/],
  ['a line that is cut off', text.slice(0, -40), /line 3: it is no JSON/],
  ['a negative count', window({ refused: { x: -1 } }), /line 2: \/refused\/x must be >= 0/],
  [
    'an infinite length',
    window({}).replace(/"lengthMs":\d+/, '"lengthMs":1e999'),
    /\/lengthMs must be number/,
  ],
  [
    'windows out of order',
    [lines[0], lines[2], lines[1]].join('\n'),
    /line 3: it is older than the line before/,
  ],
  ['gzip that is cut off', gzipSync(text).subarray(0, 60), /cannot be decompressed/],
]
for (const [what, content, message] of wrong) {
  File(`is refused, with the line: ${what}`, () => {
    assert.throws(
      () => readTelemetry(Buffer.from(content as string), 'flow.jsonl'),
      (error: unknown) =>
        error instanceof Problem && error.reason === 'TelemetryUnreadable' && message.test(error.message),
    )
  })
}

File('gives rates with mean, variance and what they stand on', () => {
  const [edge] = snapshotOf(file(measured(4))).edges
  const { value, variance, windows, samples, source, isStale, window } = edge!.recordsPerSecond!
  assert.equal([value, windows, samples, source, isStale], [10.5, 4, 420, 'measured', false])
  assert.ok(Math.abs(variance! - 1 / 3) < 1e-9)
  assert.equal(window, { start: at - 40_000, end: at })
  const { p50 } = edge!.latencyMs!
  assert.equal([p50.samples, p50.source], [420, 'measured'])
  assert.is(edge!.bytesPerSecond, undefined, 'what was not measured is not there')
})

File('gives what a host takes, on all nodes and on each, and where hosts are', () => {
  const { functions, refused, nodes } = snapshotOf(file(measured(3)))
  const [source, f] = functions
  assert.equal(source!.hosts, [{ node: 'shed', zone: 'edge', hosts: 1 }])
  assert.is(source!.cpuMillis, undefined)
  assert.equal(f!.hosts, [{ node: 'rack', zone: 'cloud', hosts: 2 }])
  assert.equal([f!.cpuMillis!.value, f!.handlerMs!.value, f!.handlerMs!.samples], [120, 3, 150])
  assert.equal(f!.byNode.rack!.memoryBytes, f!.memoryBytes)
  assert.equal(refused, { malformed: 3 })
  assert.is(nodes[1]!.capacity!.cpuMillis, 4_000)
})

File('says that a figure is stale, once nothing came for three windows', () => {
  const stale = (age: number) => snapshotOf(file(measured(2, age))).edges[0]!.recordsPerSecond!.isStale
  assert.equal([stale(0), stale(30_000), stale(31_000)], [false, false, true])
})

File('infers what lies between two zones from the ways to a broker', () => {
  const { roundTrips, zonePairs } = snapshotOf(file(measured(2)))
  assert.equal(
    roundTrips.map(({ zone, rttMs }) => [zone, rttMs.value, rttMs.source]),
    [
      ['edge', 40, 'measured'],
      ['cloud', 2, 'measured'],
    ],
  )
  assert.equal(zonePairs.length, 1)
  assert.equal(zonePairs[0]!.zones, ['cloud', 'edge'])
  assert.equal([zonePairs[0]!.rttMs.value, zonePairs[0]!.rttMs.source], [42, 'inferred'])
})

File('infers a latency where clocks tell none, and says so', () => {
  const windows = measured(2)
  for (const { edges } of windows) delete edges.f!.in!.latency
  const { latencyMs } = snapshotOf(file(windows)).edges[0]!
  assert.equal([latencyMs!.p50.value, latencyMs!.p50.source], [20 + 1 + 3, 'inferred'])
  assert.is(latencyMs!.p99, undefined)
  for (const each of windows as Window[]) each.roundTripMs = {}
  assert.is(snapshotOf(file(windows)).edges[0]!.latencyMs, undefined, 'nothing is known')
})

File.run()
