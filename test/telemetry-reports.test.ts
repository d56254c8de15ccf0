import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FigureMessage } from '../controller/broker/flow-view.ts'
import { FlowView } from '../controller/broker/flow-view.ts'
import { FlowTelemetry } from '../controller/telemetry/flow-telemetry.ts'
import type { Window } from '../controller/telemetry/window.ts'
import type { FiguresReport } from '../runtime/figures-report.ts'
import { topics } from '../schema/topics.ts'
import { fn, sink, source } from './support/rig.ts'
import { figuresReport } from './support/telemetry.ts'

const Reports = suite('reports of figures')

const nodes = [
  source('in', { type: 'every', intervalMs: 1_000 }),
  fn('f', ['in']),
  sink('out', ['f.hot'], { type: 'log' }),
]
const hosts = [
  { id: 'in-1', node: 'in', place: 'edge' },
  { id: 'f-1', node: 'f', place: 'cloud' },
  { id: 'f-2', node: 'f', place: 'cloud' },
  { id: 'out-1', node: 'out', place: 'cloud' },
]

/** What hosts report, slot by slot. */
class World {
  readonly telemetry = new FlowTelemetry()
  now = 1_000_000
  #messages: FigureMessage[] = []

  /** @param payload a report, or what somebody else sent in its place */
  report(node: string, host: string, payload: FiguresReport | string | Buffer) {
    const text = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload)
    this.#messages.push({ node, host, payload: Buffer.from(text as string), receivedAt: this.now })
  }

  look(ms = 0): Window | undefined {
    this.now += ms
    const messages = this.#messages
    this.#messages = []
    return this.telemetry.look({ takeFigures: () => ({ messages, lost: 0 }) }, nodes, hosts, this.now)
  }

  /** Ten seconds that all these have reported in. */
  slot(reports: [node: string, host: string, report: FiguresReport][]): Window {
    this.look()
    for (const report of reports) this.report(...report)
    return this.look(10_000)!
  }
}

const reportOf = (host: string, n: number, more: Parameters<typeof figuresReport>[2] = {}, now = 1_000_000) =>
  figuresReport(host, n, { from: 'in', at: now, ...more })

Reports('give rates of all hosts of a function together, whose sum does not depend on when they came', () => {
  const world = new World()
  world.slot([])
  const { edges, functions, roundTripMs } = world.slot([
    ['f', 'f-1', reportOf('f-1', 7, { records: 50 })],
    ['f', 'f-1', reportOf('f-1', 8, { records: 50 })],
    ['f', 'f-2', reportOf('f-2', 3, { records: 150, backlog: { out: 9 } })],
    ['out', 'out-1', figuresReport('out-1', 3, { from: 'f.hot', records: 1, at: world.now })],
  ])
  assert.is(edges.f!.in!.records, 250)
  assert.is(edges.f!.in!.recordsPerSecond!.mean, 10 + 30)
  assert.is(edges.f!.in!.bytesPerSecond!.mean, 4_000)
  assert.is(edges.out!['f.hot']!.lagRecords!.mean, 9)
  const { cpuMillis, hosts, calls, handlerMs } = functions.f!.cloud!
  assert.equal([cpuMillis.count, cpuMillis.mean, hosts.mean, calls, handlerMs], [2, 80, 2, 250, 500])
  assert.equal(roundTripMs.cloud!['mqtt://broker:1883']!.count, 4)
})

Reports('give no rate while hosts come or go, but count their records', () => {
  const world = new World()
  const comes = world.slot([['f', 'f-1', reportOf('f-1', 1, { records: 10 })]])
  assert.is(comes.edges.f!.in!.records, 10)
  assert.is(comes.edges.f!.in!.recordsPerSecond, undefined)
  const runs = world.slot([
    ['f', 'f-1', reportOf('f-1', 2, { records: 10 })],
    ['f', 'f-2', reportOf('f-2', 2, { records: 10 })],
  ])
  assert.is(runs.edges.f!.in!.recordsPerSecond!.mean, 4)
  const silent = world.slot([['f', 'f-1', reportOf('f-1', 3, { records: 10 })]])
  assert.is(silent.edges.f!.in!.recordsPerSecond, undefined, 'one of two did not report')
  const alone = world.slot([['f', 'f-1', reportOf('f-1', 4, { records: 10 })]])
  assert.is(alone.edges.f!.in!.recordsPerSecond!.mean, 2, 'it is not expected any more')
  const leaves = world.slot([['f', 'f-1', reportOf('f-1', 5, { records: 10, leaving: true })]])
  assert.is(leaves.edges.f!.in!.recordsPerSecond, undefined)
})

const good = (): FiguresReport => reportOf('f-1', 2, { records: 10 })
const changed = (change: (report: FiguresReport) => unknown) => () => {
  const report = good()
  change(report)
  return report
}
const edge = (report: FiguresReport, fields: object) => Object.assign(report.edges.in!, fields)

const refused: [
  reason: string,
  what: string,
  payload: () => FiguresReport | string | Buffer,
  host?: string,
][] = [
  ['malformed', 'no JSON', () => 'oops'],
  ['malformed', 'nothing', () => ''],
  ['malformed', 'another version', changed(report => Object.assign(report, { v: 2 }))],
  ['malformed', 'a negative count', changed(report => edge(report, { records: -10 }))],
  ['malformed', 'half a record', changed(report => edge(report, { records: 9.5 }))],
  [
    'malformed',
    'NaN, which JSON writes as null',
    changed(report => Object.assign(report, { cpuMs: Number.NaN })),
  ],
  ['malformed', 'an infinite number', () => JSON.stringify(good()).replace('"cpuMs":400', '"cpuMs":1e999')],
  ['malformed', 'a count beyond what is exact', changed(report => Object.assign(report, { calls: 2 ** 60 }))],
  ['malformed', 'no time at all', changed(report => Object.assign(report, { windowMs: 0 }))],
  ['malformed', 'no date', changed(report => Object.assign(report, { at: 'yesterday' }))],
  ['malformed', 'a field that is missing', changed(report => Reflect.deleteProperty(report, 'roundTrips'))],
  ['malformed', 'a list in place of a table', changed(report => Object.assign(report, { edges: [1] }))],
  ['too-large', 'a megabyte', () => Buffer.alloc(1_000_000, 'x')],
  ['foreign', 'a host that nobody started', good, 'f-9'],
  ['foreign', 'a host of another function', good, 'in-1'],
  ['foreign', 'another host than its topic says', changed(report => Object.assign(report, { host: 'f-2' }))],
  ['outdated', 'a repeat', changed(report => Object.assign(report, { n: 1 }))],
  ['outdated', 'a clock that runs back', changed(report => Object.assign(report, { upMs: 4_000 }))],
  ['contradictory', 'fewer latencies than records', changed(report => edge(report, { records: 11 }))],
  ['contradictory', 'less than a byte for a record', changed(report => edge(report, { bytes: 5 }))],
  [
    'contradictory',
    'a window that reaches into the one before',
    changed(report => Object.assign(report, { windowMs: 9_000 })),
  ],
  [
    'contradictory',
    'busy for longer than it took',
    changed(report => Object.assign(report, { activeMs: 6_000 })),
  ],
  [
    'contradictory',
    'a mean beyond the largest',
    changed(report => {
      report.roundTrips = { b: { count: 1, minMs: 1, meanMs: 9, maxMs: 2 } }
    }),
  ],
  [
    'implausible',
    'a billion records a second',
    changed(report => {
      report.edges.in = { records: 5e9, bytes: 5e11, absurd: 5e9 }
    }),
  ],
  ['implausible', 'the time of two thousand cores', changed(report => Object.assign(report, { cpuMs: 1e7 }))],
  [
    'implausible',
    'more memory than any machine has',
    changed(report => Object.assign(report, { residentBytes: 1e14 })),
  ],
]

const lies: typeof refused = [
  [
    'contradictory',
    'longer in its handler than the host lives',
    changed(report => Object.assign(report, { handlerMs: 1e308 })),
  ],
  [
    'implausible',
    'a round trip of more than ten minutes',
    changed(report => {
      report.roundTrips = { b: { count: 1, minMs: 1, meanMs: 1e200, maxMs: 1e308 } }
    }),
  ],
  [
    'implausible',
    'a host that is older than computers are',
    changed(report => Object.assign(report, { upMs: 1e308, windowMs: 1e300 })),
  ],
  [
    'malformed',
    'more round trips than can be counted',
    changed(report => {
      report.roundTrips = { b: { count: 1e300, minMs: 1, meanMs: 1, maxMs: 1 } }
    }),
  ],
]
for (const [reason, what, payload, host = 'f-1'] of [...refused, ...lies]) {
  Reports(`are not used, and counted as ${reason}: ${what}`, () => {
    const world = new World()
    world.slot([['f', 'f-1', reportOf('f-1', 1)]])
    world.report('f', host, payload())
    const window = world.look(10_000)!
    assert.equal(window.refused, { [reason]: 1 })
    assert.equal(world.telemetry.refused, { [reason]: 1 })
    assert.equal(window.edges, {})
    assert.equal(window.functions, {})
  })
}

Reports('of an edge that there is not are used without it', () => {
  const world = new World()
  const report = good()
  report.edges.other = report.edges.in!
  const window = world.slot([['f', 'f-1', report]])
  assert.equal(window.refused, { 'unknown-edge': 1 })
  assert.equal(Object.keys(window.edges.f!), ['in'])
})

Reports('beyond what a host sends are counted, however many there are', () => {
  const world = new World()
  world.look()
  for (let n = 1; n <= 500; n++)
    world.report('f', 'f-1', reportOf('f-1', n, { records: 1, windowMs: 1, activeMs: 1 }))
  const window = world.look(10_000)!
  assert.equal(window.refused, { 'too-many': 490 })
  assert.is(window.edges.f!.in!.records, 10)
})

Reports('of a process that was started again under the same name are used', () => {
  const world = new World()
  world.slot([['f', 'f-1', reportOf('f-1', 9, { records: 1 })]])
  const window = world.slot([['f', 'f-1', reportOf('f-1', 2, { records: 1, process: 2 })]])
  assert.equal(window.refused, {})
  assert.is(window.edges.f!.in!.records, 1)
})

Reports('of whatever content make no window that is not finite', () => {
  const hostile = fc.oneof(
    fc.json().map(text => Buffer.from(text)),
    fc.uint8Array({ maxLength: 200 }).map(bytes => Buffer.from(bytes)),
    fc
      .tuple(fc.constantFrom(...Object.keys(good())), fc.oneof(fc.double(), fc.jsonValue()))
      .map(([field, value]) => Buffer.from(JSON.stringify({ ...good(), [field]: value }))),
    fc
      .tuple(
        fc.constantFrom('records', 'bytes', 'latency', 'negative'),
        fc.oneof(fc.double(), fc.jsonValue()),
      )
      .map(([field, value]) =>
        Buffer.from(JSON.stringify({ ...good(), edges: { in: { ...good().edges.in, [field]: value } } })),
      ),
  )
  // Each newer than the one before, so that what is in range by itself is summed up.
  const largest = fc
    .tuple(
      fc.constantFrom('handlerMs', 'upMs', 'windowMs', 'activeMs', 'cpuMs'),
      fc.constantFrom(1e308, 1e200, 1e17),
    )
    .map(([field, value]) => ({ ...good(), [field]: value }))
  fc.assert(
    fc.property(fc.array(largest, { maxLength: 5 }), reports => {
      const world = new World()
      world.look()
      reports.forEach((report, i) => {
        const n = i + 2
        const upMs = Math.max(report.upMs, 5_000 * n)
        world.report('f', 'f-1', Buffer.from(JSON.stringify({ ...report, n, upMs })))
      })
      return allFinite(world.look(10_000)!)
    }),
  )
  fc.assert(
    fc.property(fc.array(hostile, { maxLength: 5 }), payloads => {
      const world = new World()
      world.look()
      for (const payload of payloads) world.report('f', 'f-1', payload)
      const window = world.look(10_000)!
      return (
        allFinite(window) && Object.values(window.refused).reduce((a, b) => a + b, 0) <= 2 * payloads.length
      )
    }),
    { numRuns: 300 },
  )
})

Reports('that nobody asks for are not kept for ever', () => {
  const view = new FlowView('etl', () => {})
  for (let n = 0; n < 10_100; n++) view.take(topics.figures('etl', 'f', 'f-1'), Buffer.from('x'))
  const { messages, lost } = view.takeFigures()
  assert.equal([messages.length, lost], [10_000, 100])
  assert.equal(view.takeFigures(), { messages: [], lost: 0 })
})

Reports('of clocks that disagree by minutes give no latency, and of those that agree do', () => {
  const world = new World()
  const fast = world.now + 180_000
  const slot = (n: number) =>
    world.slot([
      ['in', 'in-1', figuresReport('in-1', n, { at: world.now })],
      ['f', 'f-1', reportOf('f-1', n, { records: 10, latencyMs: 7 }, world.now)],
      ['f', 'f-2', reportOf('f-2', n, { records: 5, latencyMs: 180_007 }, fast)],
    ])
  slot(1)
  const { ignored, latency, records } = slot(2).edges.f!.in!
  assert.equal(ignored, { negative: 0, absurd: 0, clocks: 5 })
  assert.is(records, 15)
  assert.is(
    latency!.counts.reduce((a, b) => a + b, 0),
    10,
  )
})

const allFinite = (part: unknown): boolean =>
  typeof part === 'number'
    ? Number.isFinite(part)
    : typeof part !== 'object' || part === null || Object.values(part).every(allFinite)

Reports.run()
