import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InventoryFiles } from '../controller/inventory-files.ts'
import { MemoryOrchestrator } from '../controller/orchestrator/memory-orchestrator.ts'
import { type Overrides, overridden } from '../controller/overrides.ts'
import { statusOf } from '../controller/status.ts'
import { Switches } from '../controller/switches.ts'
import { condition } from '../schema/condition.ts'
import type { Condition } from '../schema/dataflow.generated.ts'
import type { DeclaredNode } from '../schema/declared-node.ts'
import type { Flow, Placement } from '../schema/flow.ts'
import { Passes } from './support/passes.ts'
import { flowOf } from './support/planned.ts'
import { fn } from './support/rig.ts'

const When = suite('places that conditions switch to')

const to = (written: Condition, zone: string) => ({ if: condition(written), zone })

/** A controller's clock and nodes, and what counts as time goes by. */
class World {
  now = new Date('2026-11-26T12:00:00Z')
  nodes: DeclaredNode[] = [
    { name: 'e1', zone: 'edge', arch: 'arm64', labels: { battery: '80' } },
    { name: 'e2', zone: 'edge', arch: 'arm64', labels: { battery: '90%' } },
    { name: 'c1', zone: 'cloud', arch: 'amd64', labels: {}, rttMs: { edge: 20 } },
  ]
  counted: Overrides = {}
  unheeded: string[] = []
  switches = new Switches()
  readonly flow: Flow
  #nowMs = 1_000

  constructor(placement: Placement, other: Placement = {}) {
    this.flow = flowOf(fn('a', ['tick'], { placement }), fn('b', ['a'], { placement: other }))
  }

  /** Looks now, and again after some time. @returns the zone of a */
  after(seconds: number): string | undefined {
    this.#look()
    this.#nowMs += seconds * 1_000
    this.now = new Date(this.now.getTime() + seconds * 1_000)
    this.#look()
    return this.zoneOf('a')
  }

  zoneOf(name: string) {
    return overridden(this.flow, this.counted).nodes.find(node => node.name === name)!.placement.zone
  }

  battery(...levels: (string | undefined)[]) {
    for (const [index, level] of levels.entries())
      this.nodes[index]!.labels = level === undefined ? {} : { battery: level }
  }

  #look() {
    const { switches, unheeded } = this.switches.look(this.flow, this.nodes, this.counted, {
      nowMs: this.#nowMs,
      now: this.now,
    })
    this.counted = switches
    this.unheeded = unheeded
  }
}

const low = to({ battery: '< 20%' }, 'cloud')

When('count once they have held for a while, on all nodes where it may run', () => {
  const world = new World({ zone: 'edge', when: [low] })
  assert.is(world.after(60), 'edge')
  world.battery('15', '90')
  assert.is(world.after(60), 'edge')
  world.battery('15', '19%')
  assert.is(world.after(10), 'edge')
  assert.is(world.after(25), 'cloud')
  assert.equal(Object.keys(world.counted), ['a'])
  const { by, reason, zone } = world.counted.a!
  assert.equal({ by, reason, zone }, { by: 'when', reason: 'battery < 20%', zone: 'cloud' })
})

When('are not ended by a value that swings around their line', () => {
  const world = new World({ zone: 'edge', when: [low] })
  world.battery('19', '19')
  assert.is(world.after(31), 'cloud')
  const { at } = world.counted.a!
  for (const level of ['20', '21', '19', '22']) {
    world.battery(level, level)
    assert.is(world.after(60), 'cloud', level)
  }
  world.battery('23', '23')
  assert.is(world.after(10), 'cloud')
  world.battery('19', '19')
  assert.is(world.after(1), 'cloud')
  world.battery('23', '23')
  assert.is(world.after(25), 'cloud')
  assert.is(world.counted.a!.at, at)
  assert.is(world.after(25), 'edge')
  assert.equal(world.counted, {})
})

When('begin for no value that is over their line for a moment', () => {
  const world = new World({ zone: 'edge', when: [low] })
  for (let n = 0; n < 10; n++) {
    world.battery('10', '10')
    assert.is(world.after(20), 'edge')
    world.battery('80', '80')
    assert.is(world.after(20), 'edge')
  }
})

When('neither begin nor end while nobody tells the value, which is said', () => {
  const world = new World({ zone: 'edge', when: [low] })
  world.battery(undefined, undefined)
  assert.is(world.after(60), 'edge')
  assert.equal(world.unheeded, ['a: when battery < 20% is not known: no node tells it'])
  world.battery('10', undefined)
  assert.is(world.after(60), 'cloud')
  world.battery(undefined, 'low')
  assert.is(world.after(600), 'cloud')
})

When('never lead to where what is required does not hold', () => {
  const world = new World({
    zone: 'edge',
    require: { arch: ['arm64'] },
    when: [low, to({ battery: '< 50%' }, 'edge')],
  })
  world.battery('10', '10')
  assert.is(world.after(60), 'edge')
  assert.equal(world.unheeded, [
    'a: when battery < 20% is not followed: nothing in zone cloud has what is required',
  ])
})

When('count in their order', () => {
  const slow = to({ link: 'edge~cloud', rtt: '> 80ms' }, 'edge')
  const world = new World({ zone: 'edge', when: [slow, low] })
  world.battery('10', '10')
  assert.is(world.after(60), 'cloud')
  world.nodes[2]!.rttMs = { edge: 100 }
  assert.is(world.after(60), 'edge')
  assert.is(world.counted.a!.reason, 'rtt of edge~cloud > 80ms')
  world.nodes[2]!.rttMs = { edge: 20 }
  assert.is(world.after(60), 'cloud')
})

When('follow the clock of their time zone at once', () => {
  const night = to({ time: '22:00-06:00', timezone: 'Europe/Paris' }, 'cloud')
  const world = new World({ zone: 'edge', when: [night] })
  for (const [time, zone] of [
    ['20:59', 'edge'],
    ['21:00', 'cloud'],
    ['23:30', 'cloud'],
    ['04:59', 'cloud'],
    ['05:00', 'edge'],
  ]) {
    world.now = new Date(`2026-11-26T${time}:00Z`)
    assert.is(world.after(0), zone, time)
  }
  // In summer it is an hour earlier.
  world.now = new Date('2026-07-01T20:00:00Z')
  assert.is(world.after(0), 'cloud')
})

When('hold only when all of their parts do', () => {
  const both = to({ battery: '< 20%', time: '22:00-06:00' }, 'cloud')
  const world = new World({ zone: 'edge', when: [both] })
  world.battery('10', '10')
  assert.is(world.after(60), 'edge')
  world.now = new Date('2026-11-26T23:00:00Z')
  assert.is(world.after(60), 'cloud')
})

When('move all that share the place', () => {
  const shared: Placement = { zone: 'edge', when: [low] }
  const world = new World(
    { ...shared, with: ['b'] },
    { ...shared, with: ['a'], require: { arch: ['arm64', 'amd64'] } },
  )
  world.battery('10', '10')
  assert.is(world.after(60), 'cloud')
  assert.is(world.zoneOf('b'), 'cloud')
  assert.equal(Object.keys(world.counted), ['a'])
})

When('count on for a controller that starts again, and no more once the file has no such case', () => {
  const world = new World({ zone: 'edge', when: [low] })
  world.battery('10', '10')
  assert.is(world.after(60), 'cloud')
  world.switches = new Switches()
  world.battery('21', '21')
  assert.is(world.after(300), 'cloud')
  const changed = new World({ zone: 'edge', when: [to({ battery: '< 5%' }, 'cloud')] })
  changed.counted = world.counted
  changed.battery('10', '10')
  assert.is(changed.after(0), 'edge')
})

When('have the function run there, say so, and end with the case in the file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dyninka-'))
  try {
    const orchestrator = new MemoryOrchestrator([
      { name: 'e1', zone: 'edge', labels: { battery: '10' } },
      { name: 'c1', zone: 'cloud' },
    ])
    const passes = new Passes(orchestrator, folder)
    // Whatever time it is.
    const always = [to({ time: '00:00-12:00' }, 'cloud'), to({ time: '12:00-00:00' }, 'cloud')]
    const flow = (when?: Placement['when']) =>
      flowOf(fn('a', ['tick'], { placement: { zone: 'edge', ...(when && { when }) } }))
    const runs = async (given: Flow) => {
      for (let n = 0; n < 6; n++) await passes.over(given)
      const status = statusOf(passes.dataflow, '').functions.find(({ name }) => name === 'a')!
      return [status.hosts.map(({ node }) => node), status.placed?.zone, status.placed?.by]
    }
    assert.equal(await runs(flow()), [['e1'], undefined, undefined])
    assert.equal(await runs(flow(always)), [['c1'], 'cloud', 'when'])
    const kept = new InventoryFiles(folder).all()[0]!.switches!
    assert.is(kept.a!.zone, 'cloud')
    assert.equal(await runs(flow()), [['e1'], undefined, undefined])
    assert.equal(
      passes.events.flatMap(event => (event.type === 'relocated' ? [event.to] : [])),
      ['zone cloud', 'where its file says'],
    )
    await runs(flow([low]))
    const { message } = passes.dataflow.conditions.get('Unheeded') ?? { message: '' }
    assert.is(message, '')
    orchestrator.nodes = async () => [
      { name: 'e1', zone: 'edge' },
      { name: 'c1', zone: 'cloud' },
    ]
    await runs(flow([low]))
    assert.match(passes.dataflow.conditions.get('Unheeded')!.message, 'battery < 20% is not known')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

When.run()
