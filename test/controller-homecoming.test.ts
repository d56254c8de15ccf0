import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Exile, verdictsOn } from '../controller/adaptation/homecoming.ts'
import { spansOf } from '../controller/adaptation/spans.ts'
import type { Situation } from '../controller/placement/advice.ts'
import { evaluate } from '../controller/placement/evaluate.ts'
import type { Instance, Placement } from '../controller/placement/instance.ts'
import { randomOf } from '../controller/placement/random.ts'
import { situationOf as situationFrom } from '../controller/placement/situation/situation.ts'
import { readTelemetry, writeTelemetry } from '../controller/telemetry/file.ts'
import type { Window } from '../controller/telemetry/window.ts'
import type { Flow } from '../schema/flow.ts'
import { at, busy, edge, fileOf, windowOf } from './support/climate-telemetry.ts'
import { better, current as cloud, instanceOf, steady } from './support/filter-instance.ts'
import { randomInstance } from './support/placement-instances.ts'
import { fn, source } from './support/rig.ts'

const Home = suite('whether what fled goes back')

const now = Date.UTC(2026, 0, 2)

/** As it runs, with as many windows as a decision asks for. */
function situationOf(windows: Instance[], current: Placement, more: Partial<Situation> = {}): Situation {
  const there = windows.map(instance => placedIn(instance, current))
  return {
    mean: there.at(-1)!,
    windows: there,
    measured: there,
    starts: there.map((_, i) => i * 60_000),
    current,
    moved: [],
    newest: now,
    now,
    ...more,
  }
}

const placedIn = (instance: Instance, current: Placement): Instance => ({
  ...instance,
  items: instance.items.map(item => {
    const node = instance.nodes.find(({ name }) => name === current[item.name])!
    return { ...item, current: { zone: node.zone, node: node.name } }
  }),
})

const toEdge: Exile = { name: 'filter', sharers: ['filter'], homes: ['edge-1'], home: 'zone edge' }
const toCloud: Exile = { name: 'filter', sharers: ['filter'], homes: ['cloud-1'], home: 'zone cloud' }

/** @returns what is said, with what becomes of it */
function told(situation: Situation, ...exiles: Exile[]): string[] {
  const { verdicts, unknown } = verdictsOn(situation, exiles)
  return exiles.map(({ name }) => {
    const verdict = verdicts.get(name)
    if (!verdict) return `unknown: ${unknown}`
    return verdict.goes ? `goes: ${verdict.says}` : `stays: ${verdict.stay.says}`
  })
}

/** The same filter with a rule that its node holds or does not. */
const requiring = (label: string, gibPerHour = 1): Instance[] =>
  steady(gibPerHour).map(instance => ({
    ...instance,
    nodes: instance.nodes.map(node => ({ ...node, labels: { [node.zone]: 'yes' } })),
    items: instance.items.map(item => ({ ...item, require: { labels: { [label]: 'exists' } } })),
  }))

const wild = Array.from({ length: 10 }, (_, i) => instanceOf(i === 5 ? 3 : 0))

const rules: [what: string, situation: Situation, exile: Exile, says: string][] = [
  [
    'it goes where it saves more than moving costs',
    situationOf(steady(1), cloud),
    toEdge,
    'goes: it saves 0.9 an hour, and moving costs 0.5',
  ],
  [
    'it stays where going back costs more',
    situationOf(steady(1), better),
    toCloud,
    'stays: going back to zone cloud would cost 0.9 an hour more',
  ],
  [
    'it stays where it saves less than moving costs',
    situationOf(steady(0.05), cloud),
    toEdge,
    'stays: going back to zone edge would save 0.45 in 10 h, less than the 0.5 that moving costs',
  ],
  [
    'it stays where that is not certain',
    situationOf(wild, cloud),
    toEdge,
    'stays: going back to zone edge would save 2.7 in 10 h (between -2.25 and 7.65), and moving costs 0.5',
  ],
  [
    'it goes where that ends a broken rule, whatever it costs',
    situationOf(requiring('cloud'), better),
    toCloud,
    'goes: it ends what is broken: filter.require.labels.cloud',
  ],
  [
    'it stays where going back would break a rule, whatever it saves',
    situationOf(requiring('cloud'), cloud),
    toEdge,
    'stays: going back to zone edge would break filter.require.labels.cloud',
  ],
  [
    'nobody knows from figures that are old',
    situationOf(steady(1), better, { newest: now - 11 * 60_000 }),
    toCloud,
    'unknown: nothing was measured of late',
  ],
  [
    'nobody knows from few figures',
    situationOf(steady(1, 4), better),
    toCloud,
    'unknown: too little was measured',
  ],
  [
    'nobody knows where only inferred figures keep it away',
    situationOf(steady(1), better, {
      measured: steady(1).map(instance => ({
        ...instance,
        edges: instance.edges.map(edge => ({ ...edge, bytesPerSecond: edge.id === 'out' ? 1e6 : 0 })),
      })),
    }),
    toCloud,
    'unknown: the way there was not measured',
  ],
  [
    'nobody knows of a node that is not among those that can be used',
    situationOf(steady(1), better),
    { ...toCloud, homes: ['cloud-2'] },
    'unknown: the way there was not measured',
  ],
]
for (const [what, situation, exile, says] of rules)
  Home(what, () => assert.equal(told(situation, exile), [says]))

Home('it goes to the best of the nodes that it may have', () => {
  const windows = steady(1).map(instance => ({
    ...instance,
    nodes: [...instance.nodes, { ...instance.nodes[0]!, name: 'edge-2', cpuMillis: 1 }],
  }))
  const exile = { ...toEdge, homes: ['edge-2', 'edge-1'] }
  assert.equal(told(situationOf(windows, cloud), exile), ['goes: it saves 0.9 an hour, and moving costs 0.5'])
})

/** Two functions with much to say to each other, at the edge where their source is. */
const pair = (): Instance[] =>
  steady(0.2).map(instance => ({
    ...instance,
    items: ['filter', 'next'].map(name => ({ ...instance.items[0]!, name })),
    edges: [
      instance.edges[0]!,
      { id: 'between', from: 'filter', to: 'next', recordsPerSecond: 1, bytesPerSecond: 3e5 },
    ],
  }))
const toEdgeToo: Exile = { ...toEdge, name: 'next', sharers: ['next'] }

Home('they go together where only that pays', () => {
  const situation = situationOf(pair(), { filter: 'cloud-1', next: 'cloud-1' })
  assert.match(told(situation, toEdge)[0]!, /^stays: .* would cost/)
  assert.match(told(situation, toEdgeToo)[0]!, /^stays: .* would cost/)
  const both = told(situation, toEdge, toEdgeToo)
  assert.match(both.join(), /^goes: it saves .*,goes: it saves /)
})

Home('one goes without the other where that is better', () => {
  const windows = pair().map(instance => ({
    ...instance,
    edges: [instance.edges[0]!, { ...instance.edges[1]!, id: 'to next', to: 'next', via: 'cloud' }],
  }))
  for (const instance of windows) Object.assign(instance.edges[1]!, { from: undefined })
  const situation = situationOf(windows, { filter: 'cloud-1', next: 'cloud-1' })
  const [filter, next] = told(situation, toEdge, toEdgeToo)
  assert.match(filter!, /^stays: .* would save|^goes/)
  assert.match(next!, /^stays: going back to zone edge would cost/)
})

Home('a day of windows is few, of equal length, up to the newest one, and says the same', () => {
  const lengths = [...Array(108).fill(600), ...Array(330).fill(60), ...Array(180).fill(10)]
  let start = at(0)
  const day = lengths.map(seconds => {
    const window = { ...windowOf(0), start, lengthMs: seconds * 1_000 }
    start += window.lengthMs
    return window
  })
  const spans = spansOf(day)
  assert.is(spans.length, 24)
  const calls = (windows: Window[]) =>
    windows.reduce((sum, { functions }) => sum + functions.filter!['cloud-1']!.calls, 0)
  assert.is(calls(spans), calls(day))
  const { start: last, lengthMs } = spans.at(-1)!
  assert.is(last + lengthMs, start)
  for (const span of spans) assert.ok(Math.abs(span.lengthMs - lengthMs) <= 600_000, `${span.lengthMs} ms`)
  assert.equal(spansOf([]), [])
  assert.is(spansOf(day.slice(-3)).length, 3)
})

Home('what has its place elsewhere for now is reckoned from where its file says', () => {
  const filter = fn('filter', ['raw'], { placement: { zone: 'cloud' } })
  const climate: Flow = {
    name: 'climate',
    nodes: [source('raw', { type: 'every', intervalMs: 100 }), filter],
  }
  const file = fileOf(busy, { broker: edge, homes: { filter: 'edge-1', gone: 'edge-9' } })
  const read = readTelemetry(writeTelemetry(file, true), 'it')
  assert.equal(read.header.homes, { filter: 'edge-1', gone: 'edge-9' })
  assert.is(situationFrom(read, climate).current.filter, 'edge-1')
  const { homes: _, ...header } = file.header
  assert.is(situationFrom({ ...file, header }, climate).current.filter, 'cloud-1')
})

Home('what goes back never breaks more, and never costs more: hundreds of problems', () => {
  const draw = randomOf(7)
  let [went, stayed] = [0, 0]
  for (let n = 0; n < 300; n++) {
    const drawn = randomInstance(n)
    const pick = () => drawn.nodes[Math.floor(draw() * drawn.nodes.length)]!.name
    const current = Object.fromEntries(drawn.items.map(({ name }) => [name, pick()]))
    const instance = placedIn(drawn, current)
    const situation = situationOf(
      Array.from({ length: 6 }, () => instance),
      current,
    )
    const exiles = drawn.items
      .slice(0, 3)
      .map(({ name }) => ({ name, sharers: [name], homes: [pick()], home: 'home' }))
      .filter(({ name, homes }) => current[name] !== homes[0])
    const { verdicts } = verdictsOn(situation, exiles)
    const going = exiles.filter(({ name }) => verdicts.get(name)?.goes)
    const placed = (some: Exile[]) => ({
      ...current,
      ...Object.fromEntries(some.map(({ name, homes }) => [name, homes[0]!])),
    })
    const [before, after] = [evaluate(instance, current), evaluate(instance, placed(going))]
    went += going.length
    if (going.length > 0) {
      assert.ok(after.broken.length <= before.broken.length)
      if (after.broken.length === before.broken.length) assert.ok(after.cost < before.cost + 1e-9)
    }
    for (const exile of exiles) {
      if (going.includes(exile)) continue
      const verdict = verdicts.get(exile.name)!
      assert.is(verdict.goes, false)
      stayed += 1
      const alone = evaluate(instance, placed([...going, exile]))
      assert.ok(alone.broken.length >= after.broken.length, 'one that mends something more does not stay')
      if (alone.broken.length === after.broken.length) assert.ok(alone.cost >= after.cost - 1e-9)
    }
  }
  assert.ok(went > 50 && stayed > 50, `${went} went, ${stayed} stayed`)
})

Home.run()
