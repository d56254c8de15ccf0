import { readFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { marked, markerOf } from '../controller/forge/marker.ts'
import type { Proposal } from '../controller/forge/proposal.ts'
import { type Advice, advise, type Situation } from '../controller/placement/advice.ts'
import { edgesText } from '../controller/placement/edges-text.ts'
import { evaluate } from '../controller/placement/evaluate.ts'
import type { Instance } from '../controller/placement/instance.ts'
import { suggestionText } from '../controller/placement/suggestion-text.ts'
import { better, current, instanceOf, steady } from './support/filter-instance.ts'

const Placement = suite('advice about a placement')

const situation: Situation = {
  mean: instanceOf(1),
  windows: steady(1),
  measured: steady(1),
  starts: steady(1).map((_, i) => i * 60_000),
  current,
  moved: [],
  newest: 600_000,
  now: 600_000,
  inferred: new Set(),
}
let advice: Advice

Placement.before(async () => {
  advice = await advise(situation, { seconds: 4, now: () => performance.now() })
})

Placement('finds the move that pays, and proves that no plan is better', () => {
  const { chosen, plans } = advice
  assert.equal(chosen!.answer.placement, better)
  assert.equal(chosen!.moves, [
    { item: 'filter', from: { zone: 'cloud', node: 'cloud-1' }, to: { zone: 'edge', node: 'edge-1' } },
  ])
  assert.ok(chosen!.answer.gap! < 1e-3, String(chosen!.answer.gap))
  assert.is(plans.length, 1, 'more moves find nothing else')
})

Placement('suggests nothing where all is well', async () => {
  const settled = { ...situation, current: better, mean: { ...instanceOf(1) } }
  for (const item of settled.mean.items) item.current = { zone: 'edge', node: 'edge-1' }
  const { chosen } = await advise(settled, { seconds: 2, now: () => performance.now() })
  assert.is(chosen, undefined)
})

Placement('is told so that each figure can be checked', () => {
  const { title, body } = suggestionText('climate', situation, advice, advice.chosen!, 'climate.jsonl')
  assert.is(title, 'climate: move filter to edge')
  // 1 GiB an hour no longer crosses on its way in, a tenth of it does on its way out.
  assert.match(body, '| `in` | · → edge → cloud | · → edge → edge | 1 | 1 ⇒ 0 | 20 ⇒ 0 |')
  assert.match(body, '| `out` | cloud → cloud → · | edge → cloud → · | 0.1 | 0 ⇒ 0.1 | 0 ⇒ 20 |')
  assert.match(body, '| edge ~ cloud | 40 | measured | 1 |', 'what those rows are worked out from')
  assert.match(body, 'GiB/h × the price of each way × 1,')
  assert.match(body, '**Saves 0.9 an hour**')
  assert.match(body, 'from 10 windows, 1970-01-01 00:00:00 to 00:10:00 UTC')
  assert.match(body, 'Moving costs 0.5 once; spread over 10 h, this answer costs')
  const [, own, least, gap] =
    /costs ([\d.]+) an hour, and none costs less than ([\d.]+): a gap of ([\d.]+) %\./.exec(body)!
  assert.ok(Number(least) <= Number(own), `${least} is no bound of ${own}`)
  assert.ok(Number(gap) < 0.1, gap)
  assert.match(body, 'dyninka suggest --telemetry climate.jsonl')
  assert.is(body.match(/✓/g)!.length, 9)
  assert.match(body, /subgraph z1\["cloud"\]\n {4}n0\["filter"\]:::moved/)
})

Placement('is told with what the saving is made of, and how long records take', () => {
  const long = structuredClone(situation)
  for (const instance of [long.mean, ...long.windows]) {
    instance.goal.latency = 0.01
    instance.paths = [{ id: 'raw⇒out', edges: ['in', 'out'], boundMs: 0 }]
  }
  const answer = { ...advice.chosen!.answer, evaluation: evaluate(long.mean, better) }
  const told = { ...advice, current: evaluate(long.mean, current) }
  const { body } = suggestionText('climate', long, told, { ...advice.chosen!, answer }, 'climate.jsonl')
  assert.match(body, '| network | 1 | 0.1 |')
  assert.match(body, '| latency | 0.2 | 0.2 |')
  assert.match(body, '| moving | 0 | 0.05 |')
  assert.match(body, '| **all** | **1.2** | **0.35** |')
  assert.match(body, '| `raw⇒out` | 20 | 20 |\n\nLatency costs 0.01 for each of these milliseconds.')
  assert.not.match(body, '| overload', 'what is nothing before and after')
})

Placement('comes to the row that the docs work out by hand', async () => {
  const docs = await readFile(new URL('../docs/placement.md', import.meta.url), 'utf8')
  const [, section] = docs.split('\n## A row of a pull request\n')
  const rows = section!.split('\n## ')[0]!.replaceAll(/ +\|/g, ' |').replaceAll(/\| +/g, '| ')
  const zones = ['cloud', 'edge-1', 'edge-2']
  const edges = [
    { id: 'stations→to-senml', from: 'stations', to: 'to-senml', recordsPerSecond: 9, bytesPerSecond: 1650 },
  ]
  const instance = instanceOf(0, {
    zones: zones.map(name => ({ name })),
    nodes: zones.map(zone => ({ ...instanceOf(0).nodes[0]!, name: zone, zone })),
    links: [
      { from: 'cloud', to: 'edge-1', rttMs: 46.7, pricePerGiB: 1 },
      { from: 'edge-1', to: 'edge-2', rttMs: 24.3, pricePerGiB: 1 },
    ],
    brokers: [{ name: 'own', place: { zone: 'edge-1' } }],
    items: ['stations', 'to-senml'].map(name => ({ ...instanceOf(0).items[0]!, name })),
    edges: edges.map(edge => ({ ...edge, via: 'own' })),
  })
  const [now, later] = ['cloud', 'edge-1'].map(
    zone => evaluate(instance, { stations: 'edge-2', 'to-senml': zone }).edges,
  )
  const text = edgesText(instance, new Set(), now!, later!)
  for (const line of text.split('\n').filter(each => /^\| (`|cloud|edge)/.test(each)))
    assert.match(rows, line)
  assert.is(text.match(/^\| (`|cloud|edge)/gm)!.length, 4, 'a head, an edge, two ways')
})

Placement('says which round trips nobody has measured', () => {
  const unknown = { ...situation, inferred: new Set(['edge.cloud']) }
  const { body } = suggestionText('climate', unknown, advice, advice.chosen!, 'climate.jsonl')
  assert.match(body, '| edge ~ cloud | 40 | inferred | 1 |')
})

Placement('is short where a lot moves, as long a title and a body as a forge takes', () => {
  const count = 400
  const names = Array.from({ length: count }, (_, i) => `a-function-with-a-long-name-${i}`)
  const many = (instance: Instance): Instance => ({
    ...instance,
    items: names.map(name => ({ ...instance.items[0]!, name })),
    edges: names.flatMap((name, i) => [
      { ...instance.edges[0]!, id: `${names[i - 1] ?? 'in'}→${name}`, from: names[i - 1] ?? name, to: name },
      { ...instance.edges[1]!, id: `${name}→out`, from: name, to: names[(i + 7) % count]! },
    ]),
  })
  const all = (node: string) => Object.fromEntries(names.map(name => [name, node]))
  const large = {
    ...situation,
    mean: many(situation.mean),
    windows: situation.windows.map(many),
    current: all('cloud-1'),
  }
  const from = { zone: 'cloud', node: 'cloud-1' }
  const plan = {
    ...advice.chosen!,
    moves: names.map(item => ({ item, from, to: { zone: 'edge', node: 'edge-1' } })),
    answer: {
      ...advice.chosen!.answer,
      placement: all('edge-1'),
      evaluation: evaluate(large.mean, all('edge-1')),
    },
  }
  const told = { ...advice, current: evaluate(large.mean, large.current), plans: [plan], chosen: plan }
  const { title, body } = suggestionText('climate', large, told, plan, 'climate.jsonl')
  assert.is(title, 'climate: move a-function-with-a-long-name-0 and 399 more to edge')
  assert.match(body, 'Moves 400 from cloud to edge: `a-function-with-a-long-name-0`, ')
  assert.match(body, 'and 770 more, which change less')
  const proposal = {
    digest: '0'.repeat(16),
    worth: 1,
    before: '',
    moves: names.map(item => ({ item, from: 'cloud-1', to: 'edge-1' })),
  }
  const { length } = marked(body, markerOf(proposal as Proposal))
  assert.ok(length < 65_536 - 1_000, `${length} characters; GitHub takes 65,536`)
})

Placement('shows names that Mermaid and tables would take for their own', () => {
  const odd = structuredClone(situation)
  for (const instance of [odd.mean, ...odd.windows]) instance.zones[0]!.name = 'edge "1" | a'
  for (const instance of [odd.mean, ...odd.windows]) {
    instance.nodes[0]!.zone = instance.zones[0]!.name
    instance.links[0]!.from = instance.zones[0]!.name
    instance.brokers[0]!.place = { zone: instance.zones[0]!.name }
  }
  const { body } = suggestionText('climate', odd, advice, advice.chosen!, 'climate.jsonl')
  assert.match(body, 'subgraph z0["edge \'1\' | a"]')
})

Placement.run()
