import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nothing } from '../controller/desired.ts'
import { plan } from '../controller/plan.ts'
import { chain, desired, flowOf, PlannedWorld, position, started } from './support/planned.ts'
import { fn } from './support/rig.ts'

const Plan = suite('plan: wiring')

Plan('wires a producer only once its consumer is wired itself', async () => {
  const world = new PlannedWorld()
  const changes = await world.settle(desired(chain))
  const wired = (node: string, consumer: string) =>
    changes.findIndex(line => line.startsWith(`wire ${node},`) && line.includes(`default → ${consumer}`))
  for (const [node, consumer] of [
    ['tick', 'a'],
    ['a', 'b'],
    ['b', 'c'],
    ['c', 'out'],
  ] as const)
    assert.ok(wired(node, consumer) >= 0, `${node} → ${consumer}`)
  assert.ok(wired('c', 'out') < wired('b', 'c'))
  assert.ok(wired('b', 'c') < wired('a', 'b'))
  assert.ok(wired('a', 'b') < wired('tick', 'a'))
})

Plan(
  'says that a broker keeps no order among topics, also once that is known from the wirings alone',
  async () => {
    const world = new PlannedWorld()
    const said = async () =>
      Object.values((await world.observed()).wirings).map(({ unordered = false }) => unordered)
    await world.settle(desired(chain))
    assert.not.ok((await said()).includes(true))
    world.unordered = true
    await world.settle(desired(chain))
    assert.not.ok((await said()).includes(false))
    world.unordered = false
    assert.equal(await world.settle(desired(chain)), [])
  },
)

Plan('inserts a function without a moment in which records go nowhere', async () => {
  const world = new PlannedWorld()
  const short = flowOf(fn('a', ['tick']), fn('c', ['a']))
  await world.settle(desired(short))
  world.orchestrator.slow.add('sha256:b')
  const changes = await world.settle(desired(chain))
  assert.equal(started(changes), ['b'])
  assert.equal(await world.consumersOf('a'), ['c'], 'while b is not ready, c still gets what it got')
  world.orchestrator.getReady('sha256:b')
  const more = await world.settle(desired(chain))
  assert.equal(started(more), [], 'nothing restarts')
  assert.equal(await world.consumersOf('a'), ['b'])
  const rewired = position(more, 'wire a, revision')
  assert.ok(rewired < position(more, 'wire c, revision'), 'c reads a to the end')
})

Plan('keeps what works wired when what should replace it fails', async () => {
  const world = new PlannedWorld()
  await world.settle(desired(flowOf(fn('a', ['tick']), fn('c', ['a']))))
  world.orchestrator.broken.add('sha256:b')
  await world.settle(desired(chain))
  assert.equal(await world.consumersOf('a'), ['c'])
})

Plan('does not wait for a consumer that fails', async () => {
  const fork = flowOf(fn('a', ['tick']), fn('bad', ['a']), fn('good', ['a']))
  const world = new PlannedWorld()
  world.orchestrator.broken.add('sha256:bad')
  await world.settle(desired(fork))
  assert.equal(await world.consumersOf('a'), ['good'])
  assert.equal(await world.consumersOf('tick'), ['a'])
})

Plan('does not wait for a function that was never built, and takes it in once it is', async () => {
  const fork = flowOf(fn('a', ['tick']), fn('bad', ['a']), fn('good', ['a']))
  const world = new PlannedWorld()
  await world.settle(desired(fork, {}, ['bad']))
  assert.equal(await world.consumersOf('tick'), ['a'])
  const changes = await world.settle(desired(fork))
  assert.equal(started(changes), ['bad'])
  assert.equal((await world.consumersOf('a')).toSorted(), ['bad', 'good'])
})

Plan('removes a function last to first: unwires, stops, then discards', async () => {
  const world = new PlannedWorld()
  const fork = flowOf(fn('a', ['tick']), fn('side', ['a']), fn('main', ['a']))
  await world.settle(desired(fork))
  const changes = await world.settle(desired(flowOf(fn('a', ['tick']), fn('main', ['a']))))
  const [unwire, stop, discard] = ['wire a', 'stop side', 'discard all that is left of side'].map(text =>
    position(changes, text),
  )
  assert.ok(unwire! >= 0 && unwire! < stop! && stop! < discard!, changes.join('\n'))
  assert.not.ok('side' in world.sessions)
})

Plan('removes a function although a host of what feeds it owns no partition', async () => {
  const world = new PlannedWorld()
  const a = fn('a', ['tick'], { scale: { min: 2, max: 4 } })
  await world.settle(desired(flowOf(a, fn('side', ['a']), fn('main', ['a']))))
  await world.settle(desired(flowOf(a, fn('main', ['a']))))
  const { hosts } = await world.observed()
  assert.not.ok(hosts.some(({ node }) => node === 'side'))
})

Plan('lets a consumer read the stream before to its end, though its producer has crashed', async () => {
  const world = new PlannedWorld()
  const keyedBy = (key: string) => desired(flowOf(fn('a', ['tick']), fn('c', ['a'], { key })))
  const streams = async () =>
    (await world.observed()).wirings.c!.inputs.map(({ stream }) => stream).toSorted()
  await world.settle(keyedBy('x'))
  world.crashed.add('a')
  await world.settle(keyedBy('y'))
  assert.equal(await streams(), ['x-1', 'y-1'], 'its next host may send what it did not come to')
  world.crashed.delete('a')
  await world.settle(keyedBy('y'))
  assert.equal(await streams(), ['y-1'])
})

Plan('keeps a function that is to go while what feeds it has crashed', async () => {
  const world = new PlannedWorld()
  await world.settle(desired(flowOf(fn('a', ['tick']), fn('side', ['a']), fn('main', ['a']))))
  world.crashed.add('a')
  const without = desired(flowOf(fn('a', ['tick']), fn('main', ['a'])))
  await world.settle(without)
  assert.ok('side' in world.sessions)
  world.crashed.delete('a')
  await world.settle(without)
  assert.not.ok('side' in world.sessions)
})

Plan('leaves nothing of a dataflow that is gone', async () => {
  const world = new PlannedWorld()
  await world.settle(desired(chain))
  await world.settle(nothing('f'))
  const { hosts, wirings, sessions } = await world.observed()
  assert.equal([hosts, wirings, sessions], [[], {}, {}])
})

Plan('goes past the revisions that hosts have seen when the broker has lost what it retained', async () => {
  const world = new PlannedWorld()
  await world.settle(desired(chain))
  const observed = await world.observed()
  const first = plan(desired(chain), { ...observed, wirings: {} })
  const seen = observed.presences.find(presence => presence.function === 'a')!.wiring
  const again = first.find(change => change.action === 'publish' && change.node === 'a')
  assert.ok(again?.action === 'publish' && again.wiring.revision === seen + 1)
})

Plan.run()
