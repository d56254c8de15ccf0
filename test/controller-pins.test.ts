import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Desired } from '../controller/desired.ts'
import { health } from '../controller/health.ts'
import { liftedPins, type Pins, Starts, withPins } from '../controller/pins.ts'
import { plan } from '../controller/plan.ts'
import { chain, desired, flowOf, PlannedWorld } from './support/planned.ts'
import { fn } from './support/rig.ts'

const Pinned = suite('functions that are pinned')

const limitMs = 1_000

/** A world in which `b` works, and its next code does not start. */
async function failing({ slow = false } = {}) {
  const world = new PlannedWorld()
  await world.settle(desired(chain))
  ;(slow ? world.orchestrator.slow : world.orchestrator.broken).add('sha256:b2')
  const wanted = desired(chain, { b: 'sha256:b2' })
  await world.settle(wanted)
  return { world, wanted }
}

/** Pins for what is overdue after `ms`, counted from a first look. */
async function pinsAfter(world: PlannedWorld, wanted: Desired, ms: number): Promise<Pins> {
  const starts = new Starts()
  const observed = await world.observed()
  starts.overdue(wanted, observed, { revision: 'main@sha1:2', limitMs, now: 0 })
  const found = starts.overdue(wanted, observed, { revision: 'main@sha1:3', limitMs, now: ms })
  return Object.fromEntries([...found].map(([node, pin]) => [node, { ...pin, at: '' }]))
}

const generations = async (world: PlannedWorld) =>
  (await world.observed()).hosts.filter(({ node }) => node === 'b').map(({ generation }) => generation)

Pinned('are those whose new code has not started for too long', async () => {
  const { world, wanted } = await failing()
  assert.equal(await pinsAfter(world, wanted, limitMs - 1), {})
  const { b, ...others } = await pinsAfter(world, wanted, limitMs)
  assert.equal(others, {})
  assert.is(b!.workload.artifact, 'sha256:b')
  assert.is(b!.revision, 'main@sha1:2', 'the revision that brought it')
  assert.match(b!.why, 'its host ended 2 times')
})

Pinned('are those whose new code neither ends nor gets ready, too', async () => {
  const { world, wanted } = await failing({ slow: true })
  const { b } = await pinsAfter(world, wanted, limitMs)
  assert.match(b!.why, 'did not get ready')
})

Pinned('are none where nothing works that could go on', async () => {
  const world = new PlannedWorld()
  world.orchestrator.broken.add('sha256:b')
  await world.settle(desired(chain))
  assert.equal(await pinsAfter(world, desired(chain), limitMs), {})
})

Pinned('are none that wait for room, or for a quota', async () => {
  const { world, wanted } = await failing()
  const observed = await world.observed()
  for (const standing of [
    { failures: 0, obstacle: 'its pod is refused' },
    { failures: 0, place: '' },
  ]) {
    const hosts = observed.hosts.map(host =>
      host.node === 'b' && host.generation === 2 ? { ...host, ...standing } : host,
    )
    const starts = new Starts()
    const look = (now: number) =>
      starts.overdue(wanted, { ...observed, hosts }, { revision: '', limitMs, now }).size
    assert.equal([look(0), look(limitMs)], [0, 0])
  }
})

Pinned('go on as the processes that they are, and what did not start is ended', async () => {
  const { world, wanted } = await failing()
  const pinned = withPins(wanted, await pinsAfter(world, wanted, limitMs), '/store')
  assert.equal(await world.settle(pinned), ['stop b generation 2, replica 0: generation 1 goes on'])
  assert.equal(await generations(world), [1])
  assert.equal(plan(pinned, await world.observed()), [], 'and nothing is tried again')
})

Pinned('are told, with what to do', async () => {
  const { world, wanted } = await failing()
  const pinned = withPins(wanted, await pinsAfter(world, wanted, limitMs), '/store')
  await world.settle(pinned)
  const { nodes, ready } = health(pinned, await world.observed(), [])
  assert.not(ready)
  assert.is(nodes.b!.phase, 'Failed')
  assert.match(nodes.b!.message!, /pinned to what ran before main@sha1:2, until a commit changes it/)
  assert.match(nodes.b!.message!, /mend it and push.*its host ended 2 times/)
  assert.is(nodes.a!.phase, 'Running')
})

Pinned('follow the number of hosts and the wiring that are wanted all the same', async () => {
  const { world, wanted } = await failing()
  const pins = await pinsAfter(world, wanted, limitMs)
  const wider = flowOf(fn('a', ['tick']), fn('b', ['a']), fn('c', ['b']), fn('d', ['b']))
  await world.settle(withPins(desired(wider, { b: 'sha256:b2' }), pins, '/store'))
  assert.equal(await generations(world), [1])
  assert.equal((await world.consumersOf('b')).toSorted(), ['c', 'd'])
})

Pinned('are tried again with the next code, environment or placement, and with no other change', async () => {
  const { world, wanted } = await failing()
  const pins = await pinsAfter(world, wanted, limitMs)
  assert.equal(liftedPins(pins, desired(chain, { b: 'sha256:b2', a: 'sha256:a2' })), [])
  assert.equal(liftedPins(pins, desired(chain, { b: 'sha256:b3' })), ['b'])
  const changed = (more: object) =>
    desired(flowOf(fn('a', ['tick']), fn('b', ['a'], more), fn('c', ['b'])), { b: 'sha256:b2' })
  assert.equal(liftedPins(pins, changed({ concurrency: 4 })), [])
  assert.equal(liftedPins(pins, changed({ env: { X: '1' } })), ['b'])
  assert.equal(liftedPins(pins, changed({ placement: { zone: 'z1' } })), ['b'])
  const gone = flowOf(fn('a', ['tick']), fn('c', ['a']))
  assert.equal(liftedPins(pins, desired(gone)), ['b'])
  const next = withPins(desired(chain, { b: 'sha256:b3' }), pins, '/store')
  await world.settle(next)
  assert.equal(await generations(world), [3])
})

Pinned('need no pin where the code before is wanted again: it goes on', async () => {
  const { world } = await failing()
  assert.equal(await world.settle(desired(chain)), ['stop b generation 2, replica 0: generation 1 goes on'])
  assert.equal(await generations(world), [1])
})

Pinned('are brought back as a generation of their own when their hosts are lost', async () => {
  const { world, wanted } = await failing()
  const pinned = withPins(wanted, await pinsAfter(world, wanted, limitMs), '/store')
  await world.settle(pinned)
  const [host] = (await world.observed()).hosts.filter(({ node }) => node === 'b')
  await world.orchestrator.apply({ action: 'stop', ...host!, reason: 'a node was lost' })
  await world.settle(pinned)
  const [next] = (await world.observed()).hosts.filter(({ node }) => node === 'b')
  assert.is(next!.artifact, 'sha256:b')
})

Pinned.run()
