import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compile, placementOf } from '../controller/placement/compiled.ts'
import { evaluate } from '../controller/placement/evaluate.ts'
import { defaultTariff, type Instance, type Item } from '../controller/placement/instance.ts'
import { randomOf } from '../controller/placement/random.ts'
import { rulesOf } from '../controller/placement/relaxed.ts'
import { SearchState } from '../controller/placement/search-state.ts'
import { Problem } from '../schema/problem.ts'
import { randomInstance } from './support/placement-instances.ts'

/** The example of docs/placement.md, as it stands there. */
function example(): Instance {
  const docs = readFileSync(new URL('../docs/placement.md', import.meta.url), 'utf8')
  return { ...JSON.parse(/```json\n([\s\S]*?)```/.exec(docs)![1]!), tariff: defaultTariff }
}

const Evaluate = suite('evaluating a placement')

Evaluate('comes to the figures that the docs work out by hand', () => {
  const instance = example()
  const before = evaluate(instance, { thermometers: 'pi-1', average: 'server', alarms: 'server' })
  assert.equal(
    before.edges.map(({ cost }) => cost.toFixed(6)),
    ['0.033528', '0.000000'],
  )
  assert.equal(before.terms.node.toFixed(6), '0.013000')
  assert.equal(before.terms.latency.toFixed(6), '0.000000')
  assert.equal(before.cost.toFixed(6), '0.046528')
  const after = evaluate(instance, { thermometers: 'pi-1', average: 'pi-1', alarms: 'server' })
  assert.equal(
    after.edges.map(({ cost }) => cost.toFixed(6)),
    ['0.000000', '0.000335'],
  )
  assert.equal(after.terms.node.toFixed(6), '0.005000')
  assert.equal(after.terms.latency.toFixed(6), '0.000500')
  assert.equal(after.terms.migration.toFixed(6), '0.000866')
  assert.equal(after.cost.toFixed(6), '0.006701')
  assert.equal(
    [before, after].map(({ paths }) => paths[0]!.latencyMs),
    [17.5, 18.5],
  )
  assert.equal(after.moves, ['average'])
  assert.equal([...before.broken, ...after.broken], [])
  const docs = readFileSync(new URL('../docs/placement.md', import.meta.url), 'utf8')
  for (const figure of ['0.033528', '0.013000', '0.046528', '0.000335', '0.005000', '0.000866', '0.006701'])
    assert.ok(docs.includes(figure), figure)
})

const item = (name: string, rest: Partial<Item> = {}): Item => ({
  name,
  kind: 'function',
  hosts: 1,
  cpuMillis: 100,
  memoryBytes: 100,
  ...rest,
})
const pair = (a: Partial<Item>, rest: Partial<Instance> = {}): Instance => ({
  zones: [{ name: 'edge' }, { name: 'cloud' }],
  nodes: [
    {
      name: 'pi',
      zone: 'edge',
      cpuMillis: 1000,
      memoryBytes: 1000,
      arch: 'arm64',
      labels: {},
      pricePerHour: 1,
    },
    {
      name: 'server',
      zone: 'cloud',
      cpuMillis: 1000,
      memoryBytes: 1000,
      arch: 'amd64',
      labels: { gpu: 'small' },
      pricePerHour: 1,
    },
  ],
  links: [{ from: 'edge', to: 'cloud', rttMs: 20, pricePerGiB: 0, bytesPerSecond: 1000 }],
  brokers: [],
  items: [item('a', a), item('b')],
  edges: [],
  paths: [],
  goal: { latency: 1, network: 1, cost: 1 },
  tariff: defaultTariff,
  budget: {},
  ...rest,
})
const [pi, server, both] = [
  { a: 'pi', b: 'pi' },
  { a: 'server', b: 'server' },
  { a: 'pi', b: 'server' },
]
const edges = [{ id: 'e', from: 'a', to: 'b', recordsPerSecond: 1, bytesPerSecond: 1500 }]

for (const [rule, instance, breaking, keeping] of [
  ['a.require.arch', pair({ require: { arch: ['amd64'] } }), pi, server],
  ['a.require.labels.gpu', pair({ require: { labels: { gpu: 'exists' } } }), pi, server],
  ['a.zone', pair({ fixed: { zone: 'cloud' } }), pi, server],
  ['a.node', pair({ fixed: { node: 'server' } }), both, server],
  ['a.keep', pair({ keep: true, current: { zone: 'edge', node: 'pi' } }), server, pi],
  ['a.near.b', pair({ near: [{ item: 'b', maxRttMs: 5 }] }), both, pi],
  ['a.apart.b', pair({ apart: ['b'] }), pi, both],
  ['a.with.b', pair({ with: ['b'] }), both, pi],
  ['node.pi.cpu', pair({ cpuMillis: 850 }), pi, both],
  ['node.pi.memory', pair({ memoryBytes: 850 }), pi, both],
  ['link.edge.cloud', pair({}, { edges }), both, pi],
  ['budget.money', pair({ cpuMillis: 500 }, { budget: { moneyPerHour: 0.5 } }), pi, undefined],
  ['budget.moves', pair({ current: { zone: 'cloud' } }, { budget: { moves: 0 } }), pi, server],
] as const)
  Evaluate(`names ${rule} where it is broken, and only there`, () => {
    assert.equal(
      evaluate(instance, breaking).broken.map(one => one.rule),
      [rule],
    )
    if (rule !== 'budget.moves') assert.ok(rulesOf(instance).includes(rule))
    if (keeping) assert.equal(evaluate(instance, keeping).broken, [])
  })

Evaluate('counts no move for what ran on a node that is gone', () => {
  const instance = pair({ keep: true, current: { zone: 'edge', node: 'lost' } })
  assert.equal(evaluate(instance, server).moves, [])
  assert.equal(evaluate(instance, server).broken, [])
})

Evaluate('is what the solver keeps count of, over thousands of moves in a thousand problems', () => {
  for (let seed = 1; seed <= 1000; seed++) {
    const instance = randomInstance(seed)
    const model = compile(instance)
    const random = randomOf(seed)
    const any = (count: number) => Math.floor(random() * count)
    const state = new SearchState(
      model,
      Array.from({ length: model.items }, () => any(model.nodes)),
    )
    for (let step = 0; step < 8; step++) state.move(any(model.items), any(model.nodes))
    const { broken, severity, cost, moves } = evaluate(instance, placementOf(model, state.node))
    const place = `seed ${seed}`
    assert.is(state.broken, broken.length, place)
    assert.ok(Math.abs(state.severity - severity) < 1e-9, place)
    assert.ok(Math.abs(state.cost - cost) < 1e-9, place)
    assert.is(state.moves, moves.length, place)
    for (const { rule } of broken) assert.ok(rulesOf(instance).includes(rule), `${place}: ${rule}`)
  }
})

const Check = suite('an instance')

for (const [what, change, message] of [
  ['a rate below 0', { edges: [{ ...edges[0]!, bytesPerSecond: -1 }] }, /bytesPerSecond of edge e is -1/],
  ['an infinite need', { items: [item('a', { cpuMillis: Infinity })] }, /cpuMillis of item a is Infinity/],
  ['zones with no link', { links: [] }, /no link from edge to cloud/],
  ['an edge from nowhere', { edges: [{ ...edges[0]!, from: 'x' }] }, /edge e names x/],
  ['two items of one name', { items: [item('a'), item('a')] }, /item a is there twice/],
  [
    'an end outside without a broker',
    { edges: [{ id: 'e', to: 'a', recordsPerSecond: 1, bytesPerSecond: 1 }] },
    /no broker/,
  ],
] as const)
  Check(`with ${what} is refused`, () => {
    assert.throws(
      () => compile(pair({}, change as unknown as Partial<Instance>)),
      (error: unknown) =>
        error instanceof Problem &&
        error.reason === 'PlacementInstanceInvalid' &&
        message.test(error.message),
    )
  })

Evaluate.run()
Check.run()
