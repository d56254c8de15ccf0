import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { OutageRecord } from '../controller/adaptation/outages.ts'
import { Outages } from '../controller/adaptation/outages.ts'
import type { Refuges } from '../controller/adaptation/refuge.ts'
import { defaultAdaptation } from '../controller/adaptation/settings.ts'
import { Shelter } from '../controller/adaptation/shelter.ts'
import { troublesOf } from '../controller/adaptation/trouble.ts'
import { Dataflow } from '../controller/dataflow.ts'
import { InventoryFiles } from '../controller/inventory-files.ts'
import { MemoryOrchestrator } from '../controller/orchestrator/memory-orchestrator.ts'
import type { NodeState, ObservedHost } from '../controller/orchestrator/orchestrator.ts'
import { statusOf } from '../controller/status.ts'
import type { DeclaredNode } from '../schema/declared-node.ts'
import type { Flow, Placement } from '../schema/flow.ts'
import { topics } from '../schema/topics.ts'
import { Passes } from './support/passes.ts'
import { flowOf } from './support/planned.ts'
import { fn } from './support/rig.ts'

const Adapt = suite('functions whose node can not be used')

const nodes: DeclaredNode[] = [
  { name: 'e1', zone: 'edge', arch: 'arm64' },
  { name: 'f1', zone: 'fog', arch: 'arm64', rttMs: { edge: 5 } },
  { name: 'c1', zone: 'cloud', arch: 'amd64', rttMs: { edge: 30, fog: 20 } },
]
const minute = 60_000

const lost: NodeState['conditions'] = [{ type: 'Ready', status: 'Unknown' }]
const short: NodeState['conditions'] = [{ type: 'MemoryPressure', status: 'True' }]
const cordoned: NodeState['conditions'] = [{ type: 'Unschedulable', status: 'True' }]

/** Nodes, clock and hosts of a controller that decides and does at once. */
class World {
  nodes = nodes
  conditions = new Map<string, NodeState['conditions']>()
  cut = new Set<string>()
  outages = new Outages()
  shelter = new Shelter()
  record: OutageRecord = {}
  refuges: Refuges = {}
  unheeded: string[] = []
  /** Each that was decided. */
  moves: string[] = []
  schedules = false
  hosts: ObservedHost[]
  flow: Flow
  nowMs = 0
  settings = defaultAdaptation

  constructor(placements: Placement[], more: Partial<DeclaredNode>[] = []) {
    const names = ['a', 'b', 'c'].slice(0, placements.length)
    this.flow = flowOf(...names.map((name, i) => fn(name, ['tick'], { placement: placements[i]! })))
    this.nodes = [...nodes, ...(more as DeclaredNode[])]
    this.hosts = names.map((name, i) => hostOf(name, this.#placeOf(placements[i]!)))
  }

  #placeOf({ zone, node }: Placement) {
    return node ?? this.nodes.find(each => zone === undefined || each.zone === zone)!.name
  }

  /** Looks each 5 s for so long. */
  after(ms: number): this {
    for (const end = this.nowMs + ms; this.nowMs < end; this.nowMs += 5_000) this.look()
    return this
  }

  look(): this {
    const states = this.nodes.map(({ name, zone }) => ({
      name,
      labels: {},
      ...(zone !== undefined && { zone }),
      conditions: this.conditions.get(name) ?? [],
    }))
    const clock = { nowMs: this.nowMs, now: new Date(Date.UTC(2026, 0, 1) + this.nowMs) }
    const troubles = troublesOf(states, this.nodes, this.cut)
    this.record = this.outages.look(troubles, this.nodes, this.record, this.settings, clock)
    const premises = {
      flow: this.flow,
      nodes: this.nodes,
      outages: this.record,
      troubles,
      hosts: this.hosts,
      schedules: this.schedules,
    }
    const { refuges, unheeded } = this.shelter.look(premises, this.refuges, clock, this.settings.fullAfterMs)
    for (const { name, placement } of this.flow.nodes) {
      const [now, old] = [refuges[name], this.refuges[name]]
      if (now === old) continue
      const to = now ?? placement
      this.moves.push(`${name} → ${to.node ?? to.zone ?? 'anywhere'}`)
      this.hosts = this.hosts.map(host => (host.node === name ? { ...host, place: this.#placeOf(to) } : host))
    }
    this.refuges = refuges
    this.unheeded = unheeded
    return this
  }
}

const hostOf = (node: string, place: string, residentBytes?: number) =>
  ({
    flow: 'f',
    node,
    generation: 1,
    replica: 0,
    place,
    id: `${node}-1-0`,
    phase: 'running',
    failures: 0,
    ...(residentBytes !== undefined && { residentBytes }),
  }) as ObservedHost

Adapt('go at once to the nearest place, and nothing else moves', () => {
  const world = new World([{ zone: 'edge' }, { zone: 'cloud' }, { zone: 'fog' }]).after(minute)
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
  Adapt(`heed ${what}`, () => {
    const world = new World([a, b])
    if (a.require?.arch?.[0] === 'amd64')
      world.nodes = world.nodes.map(node => ({ ...node, arch: node.name === 'e1' ? 'amd64' : 'arm64' }))
    world.conditions.set('e1', lost)
    world.after(10_000)
    assert.is(world.refuges.a?.zone, to)
    if (to === undefined) assert.match(world.unheeded.join(), /^a: /)
    else assert.equal(world.unheeded, [])
  })
}

Adapt('go where there is room for what they ask for', () => {
  const world = new World([{ zone: 'edge' }, { zone: 'fog' }])
  world.nodes = nodes.map(node => ({ ...node, memory: 100, cpu: 1_000 }))
  world.flow = flowOf(
    fn('a', ['tick'], { placement: { zone: 'edge' }, resources: { memoryBytes: 60 } }),
    fn('b', ['tick'], { placement: { zone: 'fog' }, resources: { memoryBytes: 60 } }),
  )
  world.conditions.set('e1', lost)
  assert.equal(world.after(10_000).moves, ['a → cloud'])
})

Adapt('go together where they share a node', () => {
  const world = new World([
    { zone: 'edge', with: ['b'] },
    { zone: 'edge', with: ['a'], require: { arch: ['amd64', 'arm64'] } },
  ])
  world.conditions.set('e1', lost)
  world.after(10_000)
  assert.equal(Object.keys(world.refuges), ['a'])
})

Adapt('go near each other when both are lost', () => {
  const near = { zone: 'edge', near: [{ function: 'b', maxRttMs: 1 }] }
  const world = new World([near, { zone: 'edge', prefer: [{ zone: 'cloud', weight: 1 }] }])
  world.hosts[1] = hostOf('b', 'e1', 1_000)
  world.conditions.set('e1', lost)
  world.after(10_000)
  assert.equal(world.refuges.a!.zone, world.refuges.b!.zone)
})

Adapt('leave a zone only when none of its nodes is left', () => {
  const world = new World([{ zone: 'edge' }], [{ name: 'e2', zone: 'edge', arch: 'arm64' }])
  world.conditions.set('e1', lost)
  assert.equal(world.after(minute).refuges, {})
  world.conditions.set('e2', lost)
  assert.is(world.after(10_000).refuges.a!.zone, 'fog')
})

Adapt('go to another node of their zone where one node was decided', () => {
  const world = new World([{ node: 'e1' }], [{ name: 'e2', zone: 'edge', arch: 'arm64' }])
  world.conditions.set('e1', lost)
  world.after(10_000)
  assert.equal([world.refuges.a!.node, world.refuges.a!.zone], ['e2', undefined])
})

Adapt('are found another place when that is lost, too', () => {
  const world = new World([{ zone: 'edge' }])
  world.conditions.set('e1', lost)
  world.after(10_000)
  world.conditions.set('f1', lost)
  assert.equal(world.after(10_000).moves, ['a → fog', 'a → cloud'])
})

Adapt('go back once the node has been well for a while', () => {
  const world = new World([{ zone: 'edge' }])
  world.conditions.set('e1', lost)
  world.after(minute)
  world.conditions.delete('e1')
  assert.equal(world.after(4.5 * minute).moves, ['a → fog'])
  assert.equal(world.after(minute).moves, ['a → fog', 'a → edge'])
  assert.equal(world.refuges, {})
})

Adapt('do not move for a moment', () => {
  const world = new World([{ zone: 'edge' }])
  for (let n = 0; n < 20; n++) {
    world.conditions.set('e1', lost)
    world.look()
    world.nowMs += 4_000
    world.conditions.delete('e1')
    world.after(30_000)
  }
  assert.equal(world.moves, [])
})

for (const [downMs, upMs, most] of [
  [minute, minute, 1],
  [minute, 4 * minute, 1],
  [minute, 6 * minute, 3],
  [10 * minute, 30 * minute, 8],
] as const) {
  Adapt(`do not follow a node that is ${downMs / minute} min away and ${upMs / minute} min there`, () => {
    const world = new World([{ zone: 'edge' }])
    for (let passed = 0; passed < 24 * 60 * minute; passed += downMs + upMs) {
      world.conditions.set('e1', lost)
      world.after(downMs)
      world.conditions.delete('e1')
      world.after(upMs)
    }
    assert.ok(world.moves.length <= most, `${world.moves.length} moves in a day`)
    assert.is(world.moves[0], 'a → fog')
    assert.equal(world.refuges.a?.zone, 'fog', 'it ends where nothing comes and goes')
    // Once it is well for good it counts again.
    assert.is(world.after(13 * 60 * minute).moves.at(-1), 'a → edge')
  })
}

Adapt('leave a full node one at a time, the largest first, until it is no more', () => {
  const world = new World([{ zone: 'edge' }, { zone: 'edge' }, { zone: 'edge' }])
  world.hosts = [hostOf('a', 'e1', 10), hostOf('b', 'e1', 30), hostOf('c', 'e1', 20)]
  world.conditions.set('e1', short)
  assert.equal(world.after(25_000).moves, [])
  assert.equal(world.after(30_000).moves, ['b → fog'])
  assert.equal(world.after(30_000).moves, ['b → fog', 'c → fog'])
  world.conditions.delete('e1')
  assert.equal(world.after(4 * minute).moves.length, 2)
  assert.equal(
    world
      .after(3 * minute)
      .moves.slice(2)
      .sort(),
    ['b → edge', 'c → edge'],
  )
})

Adapt('leave a full node that nobody decided, where no scheduler sees to it', () => {
  const world = new World([{}])
  world.conditions.set('e1', short)
  assert.equal(world.after(minute).moves, ['a → fog'])
  const scheduled = new World([{}])
  scheduled.schedules = true
  scheduled.conditions.set('e1', short)
  assert.equal(scheduled.after(minute).moves, [])
})

Adapt('stay on a node that takes nothing new, and go elsewhere only when they have ended there', () => {
  const world = new World([{ zone: 'edge' }])
  world.schedules = true
  world.conditions.set('e1', cordoned)
  assert.equal(world.after(10 * minute).moves, [])
  world.hosts = [hostOf('a', '')]
  assert.equal(world.after(10_000).moves, ['a → fog'])
  world.conditions.delete('e1')
  assert.equal(world.after(10_000).moves, ['a → fog', 'a → edge'], 'who took it away gave it back')
})

Adapt('are decided anew by another decision', () => {
  const world = new World([{ zone: 'edge' }])
  world.conditions.set('e1', lost)
  world.after(10_000)
  world.flow = flowOf(fn('a', ['tick'], { placement: { zone: 'cloud' } }))
  assert.equal(world.look().refuges, {})
})

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

Adapt.run()
Pass.run()
