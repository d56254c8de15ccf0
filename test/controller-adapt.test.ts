import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Dataflow } from '../controller/dataflow.ts'
import { InventoryFiles } from '../controller/inventory-files.ts'
import { MemoryOrchestrator } from '../controller/orchestrator/memory-orchestrator.ts'
import { statusOf } from '../controller/status.ts'
import type { Flow } from '../schema/flow.ts'
import { topics } from '../schema/topics.ts'
import { lost, minute, nodes } from './support/displaced-world.ts'
import { Passes } from './support/passes.ts'
import { flowOf } from './support/planned.ts'
import { fn } from './support/rig.ts'

interface Passing {
  folder: string
  orchestrator: MemoryOrchestrator
  passes: Passes
  time: { nowMs: number }
}

const Pass = suite<Passing>('passes over functions whose node can not be used')
const { now } = performance

Pass.before.each(world => {
  world.folder = mkdtempSync(join(tmpdir(), 'dyninka-'))
  world.orchestrator = new MemoryOrchestrator(nodes)
  world.passes = new Passes(world.orchestrator, world.folder)
  world.time = { nowMs: now.call(performance) }
  performance.now = () => world.time.nowMs
})
Pass.after.each(({ folder }) => {
  performance.now = now
  rmSync(folder, { recursive: true, force: true })
})

/** @param cut nodes whose hosts reach no broker */
async function runs(
  { passes, time, orchestrator }: Passing,
  flow: Flow,
  forMs = 30_000,
  ...cut: string[]
): Promise<Record<string, string>> {
  const view = orchestrator.view('f')
  for (const end = time.nowMs + forMs; time.nowMs < end; time.nowMs += 5_000) {
    for (const { id, place } of await orchestrator.observe('f'))
      if (!cut.includes(place)) view.take(topics.telemetry('f', 'x', id), Buffer.from('{"v":1}'))
    await passes.over(flow)
  }
  const { functions } = statusOf(passes.dataflow, '')
  return Object.fromEntries(functions.map(({ name, hosts }) => [name, hosts.map(({ node }) => node).join()]))
}

const told = ({ passes }: Passing) =>
  passes.events.flatMap(event =>
    event.type === 'relocated' ? [`${event.function} → ${event.to}: ${event.reason}`] : [],
  )

const flow = flowOf(
  fn('a', ['tick'], { placement: { zone: 'edge' } }),
  fn('b', ['a'], { placement: {} }),
  fn('c', ['b'], { placement: { zone: 'cloud' } }),
)

Pass('move what must, say so once, and mark it', async world => {
  const { orchestrator, passes } = world
  const before = await runs(world, flow)
  assert.equal([before.a, before.c], ['e1', 'c1'])
  const generations = (await orchestrator.observe('f')).map(({ id }) => id)
  orchestrator.conditions.set('e1', lost)
  const after = await runs(world, flow)
  assert.is(after.a, 'f1')
  for (const [name, place] of Object.entries(after)) {
    assert.is.not(place, 'e1')
    if (before[name] !== 'e1') assert.is(place, before[name])
  }
  const kept = (await orchestrator.observe('f')).filter(({ id }) => generations.includes(id))
  assert.equal(
    kept.map(({ node }) => node).sort(),
    Object.keys(before)
      .filter(name => before[name] !== 'e1')
      .sort(),
  )
  assert.equal(
    told(world).filter(line => line.startsWith('a')),
    ['a → zone fog: node e1 does not answer'],
  )
  const [a] = statusOf(passes.dataflow, '').functions.filter(({ name }) => name === 'a')
  assert.equal([a!.placed!.by, a!.placed!.zone], ['failure', 'fog'])
  const displaced = passes.dataflow.conditions.get('Displaced')!
  assert.equal(
    [displaced.reason, displaced.message],
    ['NodeLost', 'a runs in zone fog: node e1 does not answer'],
  )
  assert.is(passes.dataflow.conditions.get('Ready')!.status, 'True')
})

Pass('go on with it after a restart, and end it in time', async world => {
  const { orchestrator, passes, folder } = world
  await runs(world, flow)
  orchestrator.conditions.set('e1', lost)
  await runs(world, flow)
  orchestrator.conditions.delete('e1')
  const next = new Passes(orchestrator, folder)
  next.dataflow.inventory = new InventoryFiles(folder).all()[0]!
  const successor = { ...world, passes: next }
  assert.is((await runs(successor, flow, 4 * minute)).a, 'f1')
  assert.equal(told(successor), [])
  assert.is((await runs(successor, flow, 2 * minute)).a, 'e1')
  assert.equal(told(successor), ['a → where it is decided to be: no more: node e1 does not answer'])
  assert.is(next.dataflow.conditions.get('Displaced'), undefined)
  assert.ok(passes.dataflow instanceof Dataflow)
})

Pass('leave a node that is gone, and take it back when it comes again', async world => {
  const { orchestrator } = world
  await runs(world, flow)
  const all = orchestrator.nodes
  orchestrator.nodes = async () => nodes.slice(1)
  assert.is((await runs(world, flow)).a, 'f1')
  orchestrator.nodes = all
  assert.is((await runs(world, flow, 4 * minute)).a, 'f1')
  assert.is((await runs(world, flow, 2 * minute)).a, 'e1')
})

Pass('stay as they are while nobody knows which nodes there are', async world => {
  const { orchestrator, folder } = world
  await runs(world, flow)
  orchestrator.conditions.set('f1', lost)
  orchestrator.conditions.set('e1', lost)
  assert.is((await runs(world, flow)).a, 'c1')
  const all = orchestrator.nodes
  const next = new Passes(orchestrator, folder)
  next.dataflow.inventory = new InventoryFiles(folder).all()[0]!
  orchestrator.nodes = async () => []
  const successor = { ...world, passes: next }
  await runs(successor, flow, 2 * minute)
  assert.equal(told(successor), [])
  assert.is(next.dataflow.inventory!.refuges!.a!.zone, 'cloud')
  orchestrator.nodes = all
  assert.is((await runs(successor, flow)).a, 'c1')
  assert.equal(told(successor), [])
})

Pass('keep what works where there is no other node', async world => {
  const { orchestrator, passes } = world
  const own = flowOf(
    fn('a', ['tick'], { placement: { zone: 'edge', require: { labels: { camera: 'exists' } } } }),
  )
  orchestrator.nodes = async () =>
    nodes.map(node => (node.name === 'e1' ? { ...node, labels: { camera: '1' } } : node))
  await runs(world, own)
  orchestrator.conditions.set('e1', lost)
  assert.is((await runs(world, own)).a, 'e1')
  assert.match(
    passes.dataflow.conditions.get('Unheeded')!.message,
    'a: node e1 does not answer, and no other place has what it asks for',
  )
})

Pass('leave a zone that does not reach the broker, and try again later, less and less', async world => {
  const { passes } = world
  const of = () => told(world).filter(line => line.startsWith('a'))
  assert.is((await runs(world, flow, minute)).a, 'e1')
  assert.is((await runs(world, flow, 50_000, 'e1')).a, 'e1')
  assert.is((await runs(world, flow, 30_000, 'e1')).a, 'f1')
  assert.is(passes.dataflow.conditions.get('Displaced')!.reason, 'LinkCut')
  assert.equal(of(), ['a → zone fog: zone edge does not reach the broker'])
  // Nobody is there to tell whether it heals.
  await runs(world, flow, 120 * minute, 'e1')
  const moves = of().length
  assert.ok(moves > 1 && moves <= 10, `${moves} moves in two hours`)
  assert.is((await runs(world, flow, 8 * 60 * minute)).a, 'e1')
  assert.ok(of().length <= moves + 1)
})

Pass('stay while nobody reaches the broker: that is no link', async world => {
  const { orchestrator } = world
  assert.is((await runs(world, flow)).a, 'e1')
  assert.is((await runs(world, flow, 10 * minute, 'e1', 'f1', 'c1')).a, 'e1')
  Object.assign(orchestrator.broker, { connected: false })
  assert.is((await runs(world, flow, 10 * minute, 'e1')).a, 'e1')
})

Pass('stay where a function ends again and again: that is its code', async world => {
  const { orchestrator } = world
  assert.is((await runs(world, flow)).a, 'e1')
  const { observe } = orchestrator
  orchestrator.observe = async name =>
    (await observe.call(orchestrator, name)).map(host =>
      host.node === 'a' ? { ...host, failures: 3, phase: 'backoff' as const } : host,
    )
  assert.is((await runs(world, flow, 10 * minute, 'e1')).a, 'e1')
})

Pass.run()
