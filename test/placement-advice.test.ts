import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Advice, advise, type Situation } from '../controller/placement/advice.ts'
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
  newest: 0,
  now: 0,
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
  assert.match(body, '| `in` | · → edge → cloud ⇒ · → edge → edge | 1 | 1 ⇒ 0 | 20 ⇒ 0 |')
  assert.match(body, '| `out` | cloud → cloud → · ⇒ edge → cloud → · | 0.1 | 0 ⇒ 0.1 | 0 ⇒ 20 |')
  assert.match(body, '**Saves 0.9 an hour**')
  assert.match(body, 'Moving costs 0.5 once')
  const [, least, own] = /no answer can cost less than ([\d.]+) an hour; this one costs ([\d.]+)\./.exec(
    body,
  )!
  assert.ok(Number(least) <= Number(own), `${least} is no bound of ${own}`)
  assert.match(body, 'dyninka suggest --telemetry climate.jsonl')
  assert.is(body.match(/✓/g)!.length, 9)
  assert.match(body, /subgraph z1\["cloud"\]\n {4}n0\["filter"\]:::moved/)
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
