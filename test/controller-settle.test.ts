import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MemoryOrchestrator } from '../controller/orchestrator/memory-orchestrator.ts'
import { settle } from '../controller/settle.ts'
import type { DeclaredNode } from '../schema/declared-node.ts'
import type { Placement } from '../schema/flow.ts'
import { desired, flowOf, PlannedWorld } from './support/planned.ts'
import { fn } from './support/rig.ts'

const Settle = suite('functions that are with, apart from or near each other')

const nodes: DeclaredNode[] = [
  { name: 'e1', zone: 'edge', arch: 'arm64' },
  { name: 'e2', zone: 'edge', arch: 'arm64', labels: { camera: 'front' } },
  { name: 'c1', zone: 'cloud', arch: 'amd64', rttMs: { edge: 30 } },
  { name: 'c2', zone: 'cloud', arch: 'amd64', rttMs: { edge: 30 } },
]

function worldOf(declared = nodes) {
  const world = new PlannedWorld()
  world.orchestrator = new MemoryOrchestrator(declared)
  return world
}

/** A dataflow of a, b and c, placed so, at rest. */
async function run(world: PlannedWorld, a: Placement, b: Placement, c: Placement = {}, scale = 1) {
  const functions = [
    fn('a', ['tick'], { placement: a, scale: { min: 1, max: 8 } }),
    fn('b', ['a'], { placement: b }),
    fn('c', ['b'], { placement: c }),
  ]
  const wanted = desired(flowOf(...functions), {}, [], { a: scale })
  const changes = await world.settle(wanted)
  const observed = await world.observed()
  const places = Object.groupBy(observed.hosts, host => host.node)
  return {
    changes,
    unheeded: settle(wanted, observed).unheeded ?? [],
    of: (name: string) => [...new Set(places[name]!.map(({ place }) => place))].sort(),
  }
}

Settle('share the node that fits them all', async () => {
  const { of, unheeded } = await run(
    worldOf(),
    { with: ['b', 'c'] },
    { with: ['a', 'c'], require: { labels: { camera: 'exists' } } },
    { with: ['a', 'b'] },
    3,
  )
  for (const name of ['a', 'b', 'c']) assert.equal(of(name), ['e2'])
  assert.equal(unheeded, [])
})

Settle('stay where most of them are, and go together when it is decided otherwise', async () => {
  const world = worldOf()
  const before = await run(world, { zone: 'edge' }, { zone: 'edge' }, {})
  const [place] = before.of('b')
  const after = await run(world, { zone: 'edge', with: ['b'] }, { zone: 'edge', with: ['a'] }, {})
  assert.equal([after.of('a'), after.of('b')], [after.of('b'), after.of('a')])
  assert.ok(after.of('a').includes(place!) || before.of('a').includes(after.of('a')[0]!), 'one of them stays')
  const moved = await run(world, { zone: 'cloud', with: ['b'] }, { zone: 'cloud', with: ['a'] }, {})
  assert.equal(moved.of('a'), moved.of('b'))
  assert.match(moved.of('a')[0]!, /^c/)
  assert.equal((await run(world, { zone: 'cloud', with: ['b'] }, { zone: 'cloud', with: ['a'] })).changes, [])
})

Settle('run apart, whoever says so and whoever has less to choose from', async () => {
  for (const [a, b] of [
    [{ apart: ['b'] }, { node: 'e1' }],
    [{}, { node: 'e1', apart: ['a'] }],
    [{ node: 'e1', apart: ['b'] }, { zone: 'edge' }],
  ] as [Placement, Placement][]) {
    const world = worldOf(nodes.slice(0, 2))
    const { of, unheeded } = await run(world, a, b)
    assert.equal([...of('a'), ...of('b')].sort(), ['e1', 'e2'])
    assert.equal(unheeded, [])
    assert.equal((await run(world, a, b)).changes, [])
  }
})

Settle('move away from each other when that is written, one of them only', async () => {
  const world = worldOf()
  await run(world, { node: 'e1' }, { node: 'e1' })
  const { changes, of } = await run(world, {}, { apart: ['a'] })
  assert.equal(changes.filter(line => line.startsWith('start ')).length, 1)
  assert.is.not(of('a')[0], of('b')[0])
})

Settle('leave room for what must be apart from them, however many hosts they have', async () => {
  const world = worldOf()
  const { of } = await run(world, { apart: ['b'] }, {}, {}, 8)
  assert.not(of('a').includes(of('b')[0]!), `${of('a')} and ${of('b')}`)
  assert.ok(of('a').length > 1, 'they spread')
})

Settle('run on one node where there is no other, which is said', async () => {
  const { of, unheeded } = await run(worldOf(nodes.slice(0, 1)), {}, { apart: ['a'] })
  assert.equal([of('a'), of('b')], [['e1'], ['e1']])
  assert.equal(unheeded, ['b: apart from a is not held: there is no other node for it'])
})

Settle('go near what they are to be near to, as far as round trips are known', async () => {
  const near: Placement = { near: [{ function: 'a', maxRttMs: 10 }] }
  const world = worldOf()
  assert.match((await run(world, { zone: 'cloud' }, near)).of('b')[0]!, /^c/)
  assert.match((await run(world, { zone: 'edge' }, near)).of('b')[0]!, /^e/)
  const far = await run(world, { zone: 'edge' }, { ...near, zone: 'cloud' })
  assert.equal(far.unheeded, ['b: near a within 10 ms is not held: no node for it is that near'])
  const unknown = nodes.map(({ rttMs: _, ...node }) => node)
  const guess = await run(worldOf(unknown), { zone: 'edge' }, { ...near, zone: 'cloud' })
  assert.equal(guess.unheeded, [
    'b: near a within 10 ms is not known to hold: nobody has measured that round trip',
  ])
})

Settle('are not moved by a round trip that goes up a little', async () => {
  const near: Placement = { near: [{ function: 'a', maxRttMs: 30 }] }
  const declared = nodes.map(node => ({ ...node, ...(node.rttMs && { rttMs: { edge: 30 } }) }))
  const world = worldOf(declared)
  await run(world, { zone: 'edge' }, { zone: 'cloud' })
  assert.equal(
    (await run(world, { zone: 'edge' }, near)).changes.filter(line => line.startsWith('start ')),
    [],
  )
  for (const node of declared) if (node.rttMs) node.rttMs.edge = 40
  assert.equal((await run(world, { zone: 'edge' }, near)).changes, [])
  for (const node of declared) if (node.rttMs) node.rttMs.edge = 50
  assert.match((await run(world, { zone: 'edge' }, near)).of('b')[0]!, /^e/)
})

Settle('are left to an orchestrator that chooses nodes itself', async () => {
  const world = worldOf()
  const wanted = desired(flowOf(fn('a', ['tick'], { placement: { with: ['tick'] } })))
  const observed = { ...(await world.observed()), schedules: true as const }
  assert.is(settle(wanted, observed), wanted)
})

Settle.run()
