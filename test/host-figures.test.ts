import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { FiguresReport } from '../runtime/figures-report.ts'
import { Latencies, maxLatencyMs } from '../runtime/latencies.ts'
import { topics } from '../schema/topics.ts'
import { aedes, type TestBroker } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

const Figures = suite<{ broker: TestBroker }>('figures of a host')

Figures.before(async world => {
  world.broker = await aedes()
})
Figures.after(({ broker }) => broker.close())

/** A dataflow from a topic to a topic, and what its hosts report. */
async function measured(broker: TestBroker, topic: string, outside = broker.url) {
  const nodes = [
    source('in', { type: 'mqtt', filter: `${topic}/in`, format: 'json' }, { time: 'at' }),
    fn('even', ['in']),
    sink('out', ['even.hot'], { type: 'mqtt', topic: `${topic}/out`, retain: false, broker: outside }),
  ]
  const handlers = {
    even: (value: unknown, ctx: { emit(output: string, value: unknown): void }) => {
      if ((value as { n: number }).n % 2 === 0) ctx.emit('hot', value)
    },
  }
  const rig = new Rig(broker.url, nodes, handlers, { figuresMs: 100 })
  const heard = await rig.listen(topics.figuresOf(rig.flow.name))
  await rig.start()
  const reports = (node: string): FiguresReport[] =>
    heard
      .filter(({ topic }) => topic.split('/')[3] === node)
      .map(({ payload }) => JSON.parse(String(payload)))
  const sum = (node: string, of: (report: FiguresReport) => number | undefined) =>
    reports(node).reduce((total, report) => total + (of(report) ?? 0), 0)
  return { rig, reports, sum }
}

Figures('tell what came over each edge, in and out, and how long it took', async ({ broker }) => {
  const { rig, reports, sum } = await measured(broker, 'figures')
  const payload = (n: number) => JSON.stringify({ n, at: Date.now() })
  const bytes = payload(0).length
  for (let n = 0; n < 8; n++) await rig.publish('figures/in', payload(n))
  await until(() => sum('out', ({ outside }) => outside?.out?.records) === 4, 'four records to leave')
  await until(() => sum('even', ({ edges }) => edges.in?.records) === 8, 'eight records')
  await until(() => sum('out', ({ edges }) => edges['even.hot']?.records) === 4, 'four records')
  await until(() => sum('in', ({ outside }) => outside?.in?.records) === 8, 'eight records to come in')
  assert.is(
    sum('in', ({ outside }) => outside?.in?.bytes),
    8 * bytes,
  )
  assert.is(
    sum('out', ({ outside }) => outside?.out?.bytes),
    4 * bytes,
  )
  assert.ok(sum('even', ({ edges }) => edges.in?.bytes) > 8 * bytes, 'frames are larger than what is in them')
  assert.is(
    sum('even', ({ edges }) => latenciesIn(edges.in?.latency)),
    8,
  )
  assert.is(
    sum('even', ({ calls }) => calls),
    8,
  )
  assert.ok(reports('even').every(({ n }, i) => n === i + 1))
  const last = reports('even').at(-1)!
  assert.ok(last.windowMs > 0 && last.windowMs < last.upMs && last.residentBytes > 1e6)
  await rig.close()
})

Figures('give the round trip to the own broker, and to one outside', async ({ broker }) => {
  const other = await aedes()
  const { rig, reports } = await measured(broker, 'round', other.url)
  await rig.publish('round/in', JSON.stringify({ n: 2, at: Date.now() }))
  const brokers = (node: string) => reports(node).flatMap(({ roundTrips }) => Object.keys(roundTrips))
  const outside = other.url.replace(/\/$/, '')
  await until(() => brokers('out').includes(outside), 'the broker outside')
  await until(() => brokers('even').length > 0, 'the own broker')
  assert.not(brokers('even').includes(outside))
  for (const { roundTrips } of reports('out'))
    for (const { count, minMs, meanMs, maxMs } of Object.values(roundTrips))
      assert.ok(count > 0 && minMs > 0 && minMs <= meanMs && meanMs <= maxMs)
  await rig.close()
  await other.close()
})

Figures('count what a clock got wrong, and use it for nothing', async ({ broker }) => {
  const { rig, sum } = await measured(broker, 'clocks')
  for (const at of [Date.now() + 180_000, 0, Date.now()])
    await rig.publish('clocks/in', JSON.stringify({ n: 1, at }))
  await until(() => sum('even', ({ edges }) => edges.in?.records) === 3, 'three records')
  assert.is(
    sum('even', ({ edges }) => edges.in?.negative),
    1,
  )
  assert.is(
    sum('even', ({ edges }) => edges.in?.absurd),
    1,
  )
  assert.is(
    sum('even', ({ edges }) => latenciesIn(edges.in?.latency)),
    1,
  )
  await rig.close()
})

Figures('say about how much state the broker has, also once another host has it', async ({ broker }) => {
  const nodes = [
    source('in', { type: 'mqtt', filter: 'kept/in', format: 'json' }),
    fn('keep', ['in'], { key: 'key' }),
  ]
  const keep = (value: { key: string; text?: string }, ctx: { state: unknown }) => {
    ctx.state = value.text
  }
  const rig = new Rig(broker.url, nodes, { keep: keep as never }, { figuresMs: 100 })
  const heard = await rig.listen(topics.figuresOf(rig.flow.name))
  await rig.start()
  const newest = () => {
    const last = heard.findLast(({ topic }) => topic.split('/')[3] === 'keep')
    return last ? (JSON.parse(String(last.payload)) as FiguresReport).storedBytes! : -1
  }
  await until(() => newest() === 0, 'a report without state')
  for (let n = 0; n < 20; n++)
    await rig.publish('kept/in', JSON.stringify({ key: `key-${n}`, text: 'x'.repeat(1_000) }))
  // Twenty documents of 1,000 characters, and what is around them.
  await until(() => newest() > 20 * 1_000 && newest() < 20 * 1_200, `what it keeps, ${newest()}`)
  const before = newest()
  const [first] = new Set(
    heard.flatMap(({ topic }) => (topic.split('/')[3] === 'keep' ? [topic.split('/')[4]!] : [])),
  )
  await rig.stop(first!)
  heard.length = 0
  await rig.ready(await rig.host('keep'))
  await until(() => Math.abs(newest() - before) < 0.1 * before, 'the same of a host that read it')
  for (let n = 0; n < 10; n++) await rig.publish('kept/in', JSON.stringify({ key: `key-${n}` }))
  await until(() => newest() < 0.8 * before, 'less once half of it is deleted')
  await rig.close()
})

Figures('keep latencies in bins of two percent', () => {
  const latencies = new Latencies()
  for (const ms of [0, 1, 100, maxLatencyMs]) latencies.add(ms, 2)
  const { zeros, first, counts } = latencies.bins()!
  assert.is(zeros, 2)
  assert.is(first, 0, 'of 1 ms')
  const bins = counts.flatMap((count, i) => (count > 0 ? [first + i] : []))
  const γ = 1.02 / 0.98
  for (const [i, ms] of [1, 100, maxLatencyMs].entries()) {
    const middle = (2 * γ ** bins[i]!) / (γ + 1)
    assert.ok(Math.abs(middle - ms) <= 0.0201 * ms, `${middle} for ${ms}`)
  }
  for (const ms of [-1, maxLatencyMs + 1, Number.NaN]) latencies.add(ms, 1)
  assert.equal([latencies.negative, latencies.absurd], [1, 2])
  assert.is(latenciesIn(latencies.bins()), 8)
})

const latenciesIn = (bins: { zeros: number; counts: number[] } | undefined) =>
  bins ? bins.counts.reduce((sum, count) => sum + count, bins.zeros) : 0

Figures.run()
