import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { describe } from '../controller/change.ts'
import { type Desired, desire, nothing } from '../controller/desired.ts'
import { health } from '../controller/health.ts'
import { endedOf } from '../controller/observe.ts'
import { MemoryOrchestrator } from '../controller/orchestrator/memory-orchestrator.ts'
import { type Observed, plan } from '../controller/plan.ts'
import type { Flow, FunctionNode } from '../schema/flow.ts'
import { partitionNames } from '../schema/topics.ts'
import { fn, sink, source } from './support/rig.ts'

const Plan = suite('plan')

const runtime = { digest: 'sha256:host', path: '/host' }
const every = { type: 'every' as const, intervalMs: 1000 }

function flowOf(...functions: FunctionNode[]): Flow {
  const last = functions.at(-1)!.name
  return { name: 'f', nodes: [source('tick', every), ...functions, sink('out', [last], { type: 'log' })] }
}

function desired(
  flow: Flow,
  digests: Record<string, string> = {},
  missing: string[] = [],
  scales: Record<string, number> = {},
): Desired {
  const names = flow.nodes
    .filter(({ kind, name }) => kind === 'function' && !missing.includes(name))
    .map(({ name }) => name)
  const artifacts = Object.fromEntries(
    names.map(name => [name, { digest: digests[name] ?? `sha256:${name}`, path: `/${name}` }]),
  )
  return desire({ flow, artifacts, runtime, secretDigests: {}, scales })
}

const chain = flowOf(fn('a', ['tick']), fn('b', ['a']), fn('c', ['b']))

/** A world in which each pass applies its plan. */
class World {
  orchestrator = new MemoryOrchestrator([
    { name: 'n1', zone: 'z1', arch: 'amd64' },
    { name: 'n2', zone: 'z2', arch: 'amd64' },
  ])
  sessions: Record<string, string[]> = {}
  resting: Record<string, number> = {}

  async observed(): Promise<Observed> {
    const view = await this.orchestrator.broker.watch('f')
    const hosts = await this.orchestrator.observe('f')
    const nodeOf = new Map(hosts.map(({ id, node }) => [id, node]))
    return {
      hosts: hosts.map(host => ({ ...host })),
      nodes: await this.orchestrator.nodes(),
      wirings: Object.fromEntries(view.wirings),
      presences: [...view.presences.values()].map(presence => ({
        ...presence,
        function: nodeOf.get(presence.host)!,
      })),
      sessions: { ...this.sessions },
      resting: { ...this.resting },
      ended: await endedOf('f', view, this.orchestrator.broker),
      silent: [],
    }
  }

  async pass(wanted: Desired): Promise<string[]> {
    const changes = plan(wanted, await this.observed())
    for (const change of changes) {
      if (change.action === 'publish') {
        const known = this.sessions[change.node] ?? []
        this.sessions[change.node] = [...new Set([...known, ...partitionNames(change.wiring)])]
        if (change.node in this.resting) this.resting[change.node] = 0
        await this.orchestrator.broker.publishWiring('f', change.node, change.wiring)
      } else if (change.action === 'discard') {
        await this.orchestrator.broker.discard('f', change.node, change)
        if (change.everything) delete this.sessions[change.node]
        else
          this.sessions[change.node] = this.sessions[change.node]!.filter(
            name => !change.partitions.includes(name),
          )
      } else if (change.action === 'repartition') {
        const known = this.sessions[change.node] ?? []
        this.sessions[change.node] = [...new Set([...known, ...partitionNames(change.to)])]
      } else if (change.action !== 'begin') await this.orchestrator.apply(change)
    }
    return changes.map(describe)
  }

  /** @returns every change until none is left */
  async settle(wanted: Desired): Promise<string[]> {
    const all: string[] = []
    for (let passes = 0; passes < 50; passes++) {
      const changes = await this.pass(wanted)
      if (changes.length === 0) return all
      all.push(...changes)
    }
    throw new Error(`does not come to rest: ${all.slice(-5).join(' | ')}`)
  }

  async consumersOf(node: string, output = 'default'): Promise<string[]> {
    const { wirings } = await this.observed()
    return (wirings[node]?.outputs[output] ?? []).flatMap(stream => stream.consumers)
  }
}

const started = (changes: string[]) =>
  changes.filter(line => line.startsWith('start ')).map(line => line.split(' ')[1])
const position = (changes: string[], text: string) => changes.findIndex(line => line.startsWith(text))

Plan('brings a dataflow up, consumers before producers, and then has nothing to do', async () => {
  const world = new World()
  const changes = await world.settle(desired(chain))
  assert.equal(started(changes), ['out', 'c', 'b', 'a', 'tick'])
  assert.equal(await world.consumersOf('tick'), ['a'])
  assert.equal(await world.consumersOf('c'), ['out'])
  assert.equal(plan(desired(chain), await world.observed()), [])
})

Plan('wires a producer only once its consumer is wired itself', async () => {
  const world = new World()
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

Plan('starts new code beside the old, and stops the old once the new one is ready', async () => {
  const world = new World()
  await world.settle(desired(chain))
  world.orchestrator.slow.add('sha256:b2')
  const wanted = desired(chain, { b: 'sha256:b2' })
  assert.equal(await world.settle(wanted), ['start b generation 2, replica 0, on n2 (sha256:b2)'])
  world.orchestrator.getReady('sha256:b2')
  assert.equal(await world.settle(wanted), ['stop b generation 1, replica 0: generation 2 replaces it'])
})

Plan('keeps the old code running while the new one fails', async () => {
  const world = new World()
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
  const world = new World()
  await world.settle(desired(chain))
  await world.settle(desired(chain, { b: 'sha256:b2' }))
  const changes = await world.settle(desired(chain))
  assert.match(changes[0]!, /^start b generation 3,.*\(sha256:b\)$/)
})

Plan('restarts nothing for a change of retries, concurrency or key', async () => {
  const world = new World()
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
  const world = new World()
  await world.settle(desired(chain))
  const changed = flowOf(fn('a', ['tick']), fn('b', ['a'], { env: { X: '1' } }), fn('c', ['b']))
  assert.equal(started(await world.settle(desired(changed))), ['b'])
})

Plan('moves a host only when the placement decision says so', async () => {
  const world = new World()
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

Plan('inserts a function without a moment in which records go nowhere', async () => {
  const world = new World()
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
  const world = new World()
  await world.settle(desired(flowOf(fn('a', ['tick']), fn('c', ['a']))))
  world.orchestrator.broken.add('sha256:b')
  await world.settle(desired(chain))
  assert.equal(await world.consumersOf('a'), ['c'])
})

Plan('does not wait for a consumer that fails', async () => {
  const fork = flowOf(fn('a', ['tick']), fn('bad', ['a']), fn('good', ['a']))
  const world = new World()
  world.orchestrator.broken.add('sha256:bad')
  await world.settle(desired(fork))
  assert.equal(await world.consumersOf('a'), ['good'])
  assert.equal(await world.consumersOf('tick'), ['a'])
})

Plan('does not wait for a function that was never built, and takes it in once it is', async () => {
  const fork = flowOf(fn('a', ['tick']), fn('bad', ['a']), fn('good', ['a']))
  const world = new World()
  await world.settle(desired(fork, {}, ['bad']))
  assert.equal(await world.consumersOf('tick'), ['a'])
  const changes = await world.settle(desired(fork))
  assert.equal(started(changes), ['bad'])
  assert.equal((await world.consumersOf('a')).toSorted(), ['bad', 'good'])
})

Plan('removes a function last to first: unwires, stops, then discards', async () => {
  const world = new World()
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
  const world = new World()
  const a = fn('a', ['tick'], { scale: { min: 2, max: 4 } })
  await world.settle(desired(flowOf(a, fn('side', ['a']), fn('main', ['a']))))
  await world.settle(desired(flowOf(a, fn('main', ['a']))))
  const { hosts } = await world.observed()
  assert.not.ok(hosts.some(({ node }) => node === 'side'))
})

Plan('leaves nothing of a dataflow that is gone', async () => {
  const world = new World()
  await world.settle(desired(chain))
  await world.settle(nothing('f'))
  const { hosts, wirings, sessions } = await world.observed()
  assert.equal([hosts, wirings, sessions], [[], {}, {}])
})

Plan(
  'changes the number of partitions without a restart, and discards those that are left over',
  async () => {
    const world = new World()
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
  const world = new World()
  const scaled = (min: number) => flowOf(fn('a', ['tick'], { scale: { min, max: 4 } }), fn('c', ['a']))
  const count = async () => (await world.observed()).hosts.filter(({ node }) => node === 'a').length
  await world.settle(desired(scaled(3)))
  assert.is(await count(), 3)
  await world.settle(desired(scaled(1)))
  assert.is(await count(), 1)
})

const resting = flowOf(fn('a', ['tick']), fn('b', ['a'], { scale: { min: 0, max: 4 } }), fn('c', ['b']))

/** A world in which b has gone to rest, as the scaler would have it. */
async function worldAtRest(): Promise<World> {
  const world = new World()
  await world.settle(desired(resting))
  world.resting.b = (await world.observed()).wirings.b!.revision
  assert.equal(await world.settle(desired(resting, {}, [], { b: 0 })), [
    'stop b generation 1, replica 0: there is no work',
  ])
  return world
}

Plan('runs a function that may rest once, so that its sessions come to be', async () => {
  const world = new World()
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
  const world = new World()
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

Plan('adds and takes away hosts without touching the others', async () => {
  const world = new World()
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

Plan('goes past the revisions that hosts have seen when the broker has lost what it retained', async () => {
  const world = new World()
  await world.settle(desired(chain))
  const observed = await world.observed()
  const first = plan(desired(chain), { ...observed, wirings: {} })
  const seen = observed.presences.find(presence => presence.function === 'a')!.wiring
  const again = first.find(change => change.action === 'publish' && change.node === 'a')
  assert.ok(again?.action === 'publish' && again.wiring.revision === seen + 1)
})

Plan('restarts a host that went silent', async () => {
  const world = new World()
  await world.settle(desired(chain))
  const observed = await world.observed()
  const { id } = observed.hosts.find(({ node }) => node === 'b')!
  assert.equal(
    plan(desired(chain), { ...observed, silent: [id] }).map(({ action }) => action),
    ['restart'],
  )
})

Plan.run()
