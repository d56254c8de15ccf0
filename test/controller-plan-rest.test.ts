import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nothing } from '../controller/desired.ts'
import { health } from '../controller/health.ts'
import { desired, flowOf, PlannedWorld, started } from './support/planned.ts'
import { fn } from './support/rig.ts'

const Plan = suite('plan: rest')

const resting = flowOf(fn('a', ['tick']), fn('b', ['a'], { scale: { min: 0, max: 4 } }), fn('c', ['b']))

/** A world in which b has gone to rest, as the scaler would have it. */
async function worldAtRest(): Promise<PlannedWorld> {
  const world = new PlannedWorld()
  await world.settle(desired(resting))
  world.resting.b = (await world.observed()).wirings.b!.revision
  assert.equal(await world.settle(desired(resting, {}, [], { b: 0 })), [
    'stop b generation 1, replica 0: there is no work',
  ])
  return world
}

Plan('runs a function that may rest once, so that its sessions come to be', async () => {
  const world = new PlannedWorld()
  assert.equal(started(await world.settle(desired(resting))), ['out', 'c', 'b', 'a', 'tick'])
})

Plan('leaves what is wired as it is when a function goes to rest, and is at rest itself', async () => {
  const world = await worldAtRest()
  assert.equal(await world.consumersOf('a'), ['b'])
  const observed = await world.observed()
  const wanted = desired(resting, {}, [], { b: 0 })
  assert.is(health(wanted, observed, []).nodes.b?.phase, 'Idle')
  assert.ok(health(wanted, observed, []).ready)
})

Plan('starts nothing for new code of a function at rest until there is work', async () => {
  const world = await worldAtRest()
  assert.equal(await world.settle(desired(resting, { b: 'sha256:b2' }, [], { b: 0 })), [])
  assert.equal(started(await world.settle(desired(resting, { b: 'sha256:b2' }, [], { b: 1 }))), ['b'])
})

Plan('lets no consumer go of a function at rest before it has run with its new wiring', async () => {
  const world = await worldAtRest()
  const inserted = flowOf(
    fn('a', ['tick']),
    fn('b', ['a'], { scale: { min: 0, max: 4 } }),
    fn('mid', ['b']),
    fn('c', ['mid']),
  )
  await world.settle(desired(inserted, {}, [], { b: 0 }))
  const inputs = async () => (await world.observed()).wirings.c!.inputs.map(({ node }) => node).toSorted()
  assert.equal(await inputs(), ['b', 'mid'], 'what b sends by its old wiring is still read')
  await world.settle(desired(inserted, {}, [], { b: 1 }))
  assert.equal(await inputs(), ['mid'])
})

Plan('removes a consumer of a function at rest once that has run with its new wiring', async () => {
  const world = new PlannedWorld()
  const b = fn('b', ['a'], { scale: { min: 0, max: 4 } })
  const fork = flowOf(fn('a', ['tick']), b, fn('side', ['b']), fn('c', ['b']))
  await world.settle(desired(fork))
  world.resting.b = (await world.observed()).wirings.b!.revision
  await world.settle(desired(fork, {}, [], { b: 0 }))
  const changes = await world.settle(desired(resting, {}, [], { b: 0 }))
  assert.not.ok(
    changes.some(line => line.startsWith('stop side')),
    changes.join('\n'),
  )
  assert.ok(
    (await world.settle(desired(resting, {}, [], { b: 1 }))).includes('discard all that is left of side'),
  )
})

Plan('removes a function at rest, with all that is left of it', async () => {
  const world = await worldAtRest()
  const changes = await world.settle(desired(flowOf(fn('a', ['tick']), fn('c', ['a']))))
  assert.equal(started(changes), [])
  assert.ok(changes.includes('discard all that is left of b'), changes.join('\n'))
  await world.settle(nothing('f'))
  const { hosts, wirings, sessions } = await world.observed()
  assert.equal([hosts, wirings, sessions], [[], {}, {}])
})

Plan.run()
