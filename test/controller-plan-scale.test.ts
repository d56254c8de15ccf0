import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { desired, flowOf, PlannedWorld, started } from './support/planned.ts'
import { fn } from './support/rig.ts'

const Plan = suite('plan: hosts')

Plan(
  'changes the number of partitions without a restart, and discards those that are left over',
  async () => {
    const world = new PlannedWorld()
    const scaled = (max: number) =>
      flowOf(fn('a', ['tick']), fn('b', ['a'], { key: 'room', scale: { min: 1, max } }), fn('c', ['b']))
    await world.settle(desired(scaled(4)))
    assert.equal(world.sessions.b, ['0of4', '1of4', '2of4', '3of4'])
    const changes = await world.settle(desired(scaled(1)))
    assert.equal(started(changes), [])
    assert.ok(changes.includes('discard partitions 0of4, 1of4, 2of4, 3of4 of b'), changes.join('\n'))
  },
)

Plan('runs as many replicas as the scale asks for', async () => {
  const world = new PlannedWorld()
  const scaled = (min: number) => flowOf(fn('a', ['tick'], { scale: { min, max: 4 } }), fn('c', ['a']))
  const count = async () => (await world.observed()).hosts.filter(({ node }) => node === 'a').length
  await world.settle(desired(scaled(3)))
  assert.is(await count(), 3)
  await world.settle(desired(scaled(1)))
  assert.is(await count(), 1)
})

Plan('adds and takes away hosts without touching the others', async () => {
  const world = new PlannedWorld()
  const scaled = flowOf(fn('a', ['tick'], { scale: { min: 1, max: 4 } }), fn('c', ['a']))
  await world.settle(desired(scaled))
  assert.equal(
    (await world.settle(desired(scaled, {}, [], { a: 3 }))).map(line => line.replace(/, on .*/, '')),
    ['start a generation 1, replica 1', 'start a generation 1, replica 2'],
  )
  assert.equal(await world.settle(desired(scaled, {}, [], { a: 2 })), [
    'stop a generation 1, replica 2: 2 are enough',
  ])
  assert.equal(
    await world.settle(desired(scaled, {}, [], { a: 9 })).then(started),
    ['a', 'a'],
    'never over max',
  )
})

Plan.run()
