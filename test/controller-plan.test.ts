import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { plan } from '../controller/plan.ts'
import { chain, desired, flowOf, PlannedWorld, started } from './support/planned.ts'
import { fn } from './support/rig.ts'

const Plan = suite('plan')

Plan('brings a dataflow up, consumers before producers, and then has nothing to do', async () => {
  const world = new PlannedWorld()
  const changes = await world.settle(desired(chain))
  assert.equal(started(changes), ['out', 'c', 'b', 'a', 'tick'])
  assert.equal(await world.consumersOf('tick'), ['a'])
  assert.equal(await world.consumersOf('c'), ['out'])
  assert.equal(plan(desired(chain), await world.observed()), [])
})

Plan('starts new code beside the old, and stops the old once the new one is ready', async () => {
  const world = new PlannedWorld()
  await world.settle(desired(chain))
  world.orchestrator.slow.add('sha256:b2')
  const wanted = desired(chain, { b: 'sha256:b2' })
  assert.equal(await world.settle(wanted), ['start b generation 2, replica 0, on n2 (sha256:b2)'])
  world.orchestrator.getReady('sha256:b2')
  assert.equal(await world.settle(wanted), ['stop b generation 1, replica 0: generation 2 replaces it'])
})

Plan('keeps the old code running while the new one fails', async () => {
  const world = new PlannedWorld()
  await world.settle(desired(chain))
  world.orchestrator.broken.add('sha256:b2').add('sha256:b3')
  await world.settle(desired(chain, { b: 'sha256:b2' }))
  await world.settle(desired(chain, { b: 'sha256:b3' }))
  const hosts = (await world.observed()).hosts
    .filter(({ node }) => node === 'b')
    .map(({ generation }) => generation)
  assert.equal(hosts, [1, 3], 'the one that failed before is gone, the one that works is not')
})

Plan('goes back to earlier code as a generation of its own', async () => {
  const world = new PlannedWorld()
  await world.settle(desired(chain))
  await world.settle(desired(chain, { b: 'sha256:b2' }))
  const changes = await world.settle(desired(chain))
  assert.match(changes[0]!, /^start b generation 3,.*\(sha256:b\)$/)
})

Plan('restarts nothing for a change of retries, concurrency or key', async () => {
  const world = new PlannedWorld()
  await world.settle(desired(chain))
  const changed = flowOf(
    fn('a', ['tick']),
    fn('b', ['a'], { concurrency: 8, retry: { attempts: 9, backoffMs: 1, timeoutMs: 1, order: 'strict' } }),
    fn('c', ['b'], { key: 'room' }),
  )
  const changes = await world.settle(desired(changed))
  assert.equal(started(changes), [])
  assert.ok(changes.length > 0)
})

Plan('restarts only what has another environment', async () => {
  const world = new PlannedWorld()
  await world.settle(desired(chain))
  const changed = flowOf(fn('a', ['tick']), fn('b', ['a'], { env: { X: '1' } }), fn('c', ['b']))
  assert.equal(started(await world.settle(desired(changed))), ['b'])
})

Plan('moves a host only when the placement decision says so', async () => {
  const world = new PlannedWorld()
  await world.settle(desired(chain))
  const at = async () => (await world.observed()).hosts.find(({ node }) => node === 'b')!.place
  const before = await at()
  const preferred = flowOf(
    fn('a', ['tick']),
    fn('b', ['a'], { placement: { prefer: [{ zone: before === 'n1' ? 'z2' : 'z1', weight: 1 }] } }),
    fn('c', ['b']),
  )
  assert.equal(await world.settle(desired(preferred)), [])
  const zone = before === 'n1' ? 'z2' : 'z1'
  const decided = flowOf(fn('a', ['tick']), fn('b', ['a'], { placement: { zone } }), fn('c', ['b']))
  assert.equal(started(await world.settle(desired(decided))), ['b'])
  assert.is.not(await at(), before)
})

Plan('restarts a host that went silent', async () => {
  const world = new PlannedWorld()
  await world.settle(desired(chain))
  const observed = await world.observed()
  const { id } = observed.hosts.find(({ node }) => node === 'b')!
  assert.equal(
    plan(desired(chain), { ...observed, silent: [id] }).map(({ action }) => action),
    ['restart'],
  )
})

Plan('clears hosts that are none', async () => {
  const world = new PlannedWorld()
  await world.settle(desired(chain))
  const observed = await world.observed()
  const gone = [{ node: 'b', host: 'b-of-before' }]
  assert.equal(plan(desired(chain), { ...observed, gone }), [
    { action: 'clear', flow: 'f', node: 'b', host: 'b-of-before' },
  ])
})

Plan('asks a host to leave that cannot be ended where it runs, once another one is there', async () => {
  const world = new PlannedWorld()
  await world.settle(desired(chain))
  const observed = await world.observed()
  const lost = observed.hosts.find(({ node }) => node === 'b')!
  const there = observed.presences.find(({ host }) => host === lost.id)!
  const overdue = { ...lost, id: 'lost', phase: 'stopping' as const, overdue: true as const }
  const state = { ...observed, hosts: [...observed.hosts, overdue] }
  const dismissals = (wanted: ReturnType<typeof desired>, presences: typeof observed.presences) =>
    plan(wanted, { ...state, presences }).flatMap(change => (change.action === 'dismiss' ? change.host : []))
  const without = observed.presences.filter(presence => presence !== there)
  const itself = { ...there, host: 'lost' }
  assert.equal(dismissals(desired(chain), [...observed.presences, itself]), ['lost'])
  assert.equal(dismissals(desired(chain), [...without, itself]), [], 'it still does the work')
  assert.equal(dismissals(desired(chain), observed.presences), [], 'it is away')
  const removed = flowOf(fn('a', ['tick']), fn('c', ['a']))
  assert.equal(dismissals(desired(removed), [...without, itself]), ['lost'], 'its work is not wanted')
})

Plan.run()
