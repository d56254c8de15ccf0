import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Placement } from '../schema/flow.ts'
import { DisplacedWorld, hostOf, lost, minute, nodes } from './support/displaced-world.ts'
import { flowOf } from './support/planned.ts'
import { fn } from './support/rig.ts'

const Refuges = suite('places of functions whose node can not be used')

Refuges('go at once to the nearest place, and nothing else moves', () => {
  const world = new DisplacedWorld([{ zone: 'edge' }, { zone: 'cloud' }, { zone: 'fog' }]).after(minute)
  assert.equal(world.moves, [])
  world.conditions.set('e1', lost)
  world.after(10_000)
  assert.equal(world.moves, ['a → fog'])
  const { kind, reason, instead } = world.refuges.a!
  assert.equal([kind, reason, instead], ['lost', 'node e1 does not answer', { zone: 'edge' }])
})

const rules: [what: string, a: Placement, b: Placement, to: string | undefined][] = [
  ['what they prefer', { zone: 'edge', prefer: [{ zone: 'cloud', weight: 50 }] }, {}, 'cloud'],
  ['what they require', { zone: 'edge', require: { arch: ['amd64'] } }, {}, undefined],
  ['what they are to be apart from', { zone: 'edge', apart: ['b'] }, { zone: 'fog' }, 'cloud'],
  ['what is to be apart from them', { zone: 'edge' }, { zone: 'fog', apart: ['a'] }, 'cloud'],
  [
    'what they are to be near to',
    { zone: 'edge', near: [{ function: 'b', maxRttMs: 10 }] },
    { zone: 'cloud' },
    'cloud',
  ],
  [
    'what is to be near to them',
    { zone: 'edge' },
    { zone: 'cloud', near: [{ function: 'a', maxRttMs: 10 }] },
    'cloud',
  ],
  ['that they stay', { zone: 'edge', keep: true }, {}, undefined],
  ['that there is no other such node', { zone: 'edge', require: { arch: ['riscv64'] } }, {}, undefined],
]
for (const [what, a, b, to] of rules) {
  Refuges(`heed ${what}`, () => {
    const world = new DisplacedWorld([a, b])
    if (a.require?.arch?.[0] === 'amd64')
      world.nodes = world.nodes.map(node => ({ ...node, arch: node.name === 'e1' ? 'amd64' : 'arm64' }))
    world.conditions.set('e1', lost)
    world.after(10_000)
    assert.is(world.refuges.a?.zone, to)
    if (to === undefined) assert.match(world.unheeded.join(), /^a: /)
    else assert.equal(world.unheeded, [])
  })
}

Refuges('go where there is room for what they ask for', () => {
  const world = new DisplacedWorld([{ zone: 'edge' }, { zone: 'fog' }])
  world.nodes = nodes.map(node => ({ ...node, memory: 100, cpu: 1_000 }))
  world.flow = flowOf(
    fn('a', ['tick'], { placement: { zone: 'edge' }, resources: { memoryBytes: 60 } }),
    fn('b', ['tick'], { placement: { zone: 'fog' }, resources: { memoryBytes: 60 } }),
  )
  world.conditions.set('e1', lost)
  assert.equal(world.after(10_000).moves, ['a → cloud'])
})

Refuges('go together where they share a node', () => {
  const world = new DisplacedWorld([
    { zone: 'edge', with: ['b'] },
    { zone: 'edge', with: ['a'], require: { arch: ['amd64', 'arm64'] } },
  ])
  world.conditions.set('e1', lost)
  world.after(10_000)
  assert.equal(Object.keys(world.refuges), ['a'])
})

Refuges('go near each other when both are lost', () => {
  const near = { zone: 'edge', near: [{ function: 'b', maxRttMs: 1 }] }
  const world = new DisplacedWorld([near, { zone: 'edge', prefer: [{ zone: 'cloud', weight: 1 }] }])
  world.hosts[1] = hostOf('b', 'e1', 1_000)
  world.conditions.set('e1', lost)
  world.after(10_000)
  assert.equal(world.refuges.a!.zone, world.refuges.b!.zone)
})

Refuges('leave a zone only when none of its nodes is left', () => {
  const world = new DisplacedWorld([{ zone: 'edge' }], [{ name: 'e2', zone: 'edge', arch: 'arm64' }])
  world.conditions.set('e1', lost)
  assert.equal(world.after(minute).refuges, {})
  world.conditions.set('e2', lost)
  assert.is(world.after(10_000).refuges.a!.zone, 'fog')
})

Refuges('go to another node of their zone where one node was decided', () => {
  const world = new DisplacedWorld([{ node: 'e1' }], [{ name: 'e2', zone: 'edge', arch: 'arm64' }])
  world.conditions.set('e1', lost)
  world.after(10_000)
  assert.equal([world.refuges.a!.node, world.refuges.a!.zone], ['e2', undefined])
})

Refuges('are found another place when that is lost, too', () => {
  const world = new DisplacedWorld([{ zone: 'edge' }])
  world.conditions.set('e1', lost)
  world.after(10_000)
  world.conditions.set('f1', lost)
  assert.equal(world.after(10_000).moves, ['a → fog', 'a → cloud'])
})

Refuges('are decided anew by another decision', () => {
  const world = new DisplacedWorld([{ zone: 'edge' }])
  world.conditions.set('e1', lost)
  world.after(10_000)
  world.flow = flowOf(fn('a', ['tick'], { placement: { zone: 'cloud' } }))
  assert.equal(world.look().refuges, {})
})

Refuges.run()
