import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { firstScale, rescale, type Scale, scaleDefaults } from '../controller/autoscale.ts'
import type { Inventory } from '../controller/inventory.ts'
import type { ObservedHost } from '../controller/orchestrator/orchestrator.ts'
import type { Observed } from '../controller/plan.ts'
import { Scaler } from '../controller/scaler.ts'
import { fn, source } from './support/rig.ts'

const Autoscale = suite('autoscale')

const limits = { min: 1, max: 8 }

/** A queue and hosts that work it off; a second is a step. A new host takes some seconds until it helps. */
class Simulation {
  scale: Scale
  lag = 0
  second = 0
  /** Every decision for another number of hosts. */
  changes: { second: number; from: number; to: number; reason: string }[] = []
  maxLag = 0
  #limits: { min: number; max: number }
  #perHost: number
  #up: number
  #starting: number[] = []
  #window: { done: number; load: number }[] = []

  constructor({ bounds = limits, hosts = 1, perHost = 100 } = {}) {
    this.#limits = bounds
    this.#perHost = perHost
    this.#up = hosts
    this.scale = firstScale(bounds, hosts, 0)
  }

  /** @param rate records that come in each second */
  run(seconds: number, rate: (second: number) => number, needed?: string): this {
    for (let n = 0; n < seconds; n++) this.#step(rate(n), needed)
    return this
  }

  get sizes() {
    return this.changes.map(({ to }) => to)
  }

  #step(arriving: number, needed?: string) {
    this.second += 1
    this.#up += this.#starting.filter(at => at === this.second).length
    this.#starting = this.#starting.filter(at => at > this.second)
    this.lag += arriving
    const capacity = this.#up * this.#perHost
    const done = Math.min(this.lag, capacity)
    this.lag -= done
    this.maxLag = Math.max(this.maxLag, this.lag)
    this.#window = [...this.#window, { done, load: capacity === 0 ? 0 : done / capacity }].slice(-4)
    const mean = (name: 'done' | 'load') =>
      this.#window.reduce((sum, one) => sum + one[name], 0) / this.#window.length
    const sample = {
      at: this.second * 1000,
      lag: this.lag,
      hosts: this.#up,
      rate: mean('done'),
      load: mean('load'),
      ...(needed !== undefined && { needed }),
    }
    const from = this.scale.hosts
    this.scale = rescale(this.scale, sample, this.#limits, scaleDefaults)
    const to = this.scale.hosts
    if (to === from) return
    this.changes.push({ second: this.second, from, to, reason: this.scale.reason })
    for (let n = from; n < to; n++) this.#starting.push(this.second + 2)
    if (to < from) this.#up = Math.min(this.#up, to)
  }
}

/** The same numbers each time. */
function noise(seed: number) {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
}

Autoscale('changes nothing while the load fits', () => {
  assert.equal(new Simulation().run(3_600, () => 90).changes, [])
})

Autoscale(
  'doubles until a jump of the load is dealt with, says why, and then gives back what is too much',
  () => {
    const jump = new Simulation().run(30, () => 350)
    assert.equal(jump.sizes, [2, 4, 8])
    assert.ok(jump.changes[1]!.second <= 15, `after ${jump.changes[1]!.second} s`)
    assert.match(jump.scale.reason, /^scaled to 8: lag \d+ s$/)
    jump.run(3_600, () => 350)
    assert.equal(jump.sizes, [2, 4, 8, 7, 6])
    assert.is(jump.lag, 0)
  },
)

Autoscale('leaves hosts alone with what they will soon have worked off', () => {
  const burst = new Simulation()
  burst.lag = 900
  assert.equal(burst.run(60, () => 0).changes, [])
})

Autoscale('never has more than the maximum nor fewer than the minimum', () => {
  const jump = new Simulation({ bounds: { min: 2, max: 8 }, hosts: 2 }).run(200, () => 5_000)
  assert.is(jump.scale.hosts, 8)
  jump.run(3_600, () => 0)
  assert.is(jump.scale.hosts, 2)
})

Autoscale('follows a ramp up and down with one change for each step', () => {
  const ramp = new Simulation().run(2_400, second => (second < 1_200 ? second / 2 : (2_400 - second) / 2))
  assert.is(Math.max(...ramp.sizes), 8)
  ramp.run(1_200, () => 0)
  assert.is(ramp.scale.hosts, 1)
  assert.equal(ramp.sizes, [2, 4, 8, 7, 6, 5, 4, 3, 2, 1])
  assert.ok(ramp.maxLag < 2_500, `${ramp.maxLag} records waited`)
})

Autoscale('does not swing with a sawtooth: it stays where the peaks need it', () => {
  // 0 to 600 records a second, each 60 s: two hosts would do on average, six at the peak.
  const saw = new Simulation().run(3_600, second => (second % 60) * 10)
  const late = saw.changes.filter(({ second }) => second > 600)
  assert.ok(saw.changes.length <= 10, `${saw.sizes}`)
  assert.ok(late.length <= 4, `${late.length} changes in the last 50 minutes: ${saw.sizes}`)
})

Autoscale('swings with slow waves less than once up and down for each', () => {
  // 10 minutes each, 10 of them, between none and 600 a second.
  const saw = new Simulation().run(6_000, second => second % 600)
  const ups = saw.changes.filter(({ from, to }) => to > from).length
  assert.ok(ups <= 30, `${ups} ups: ${saw.sizes}`)
  assert.ok(saw.changes.length <= 90, `${saw.changes.length} changes`)
})

Autoscale('comes to rest at the border between two numbers of hosts', () => {
  for (const rate of [59, 60, 61, 99, 100, 101, 119, 120, 121, 180, 199, 200, 201, 239, 241, 300, 479]) {
    const border = new Simulation().run(7_200, () => rate)
    const late = border.changes.filter(({ second }) => second > 1_800)
    assert.equal(late, [], `at ${rate} a second`)
    assert.ok(border.lag < rate * 3, `at ${rate} a second ${border.lag} wait`)
  }
})

Autoscale('does not follow noise', () => {
  const random = noise(7)
  const noisy = new Simulation().run(7_200, () => 140 + 120 * (random() - 0.5))
  const late = noisy.changes.filter(({ second }) => second > 600)
  assert.ok(late.length <= 2, `${noisy.sizes}`)
})

/** What is decided while 5,000 records wait and little gets done. */
function afterMinutes(sample: { hosts: number; load: number }): Scale {
  let scale = firstScale(limits, sample.hosts, 0)
  for (let second = 1; second < 300; second++)
    scale = rescale(scale, { at: second * 1000, lag: 5_000, rate: 10, ...sample }, limits, scaleDefaults)
  return scale
}

Autoscale('stays as it is when hosts wait for someone else: more would wait, too', () => {
  assert.is(afterMinutes({ hosts: 2, load: 0.1 }).hosts, 2)
})

Autoscale('asks for no more while what it asked for last is not up', () => {
  assert.is(afterMinutes({ hosts: 1, load: 1 }).hosts, 2)
})

Autoscale('goes to zero after the quiet time alone, and comes back with the first record', () => {
  const bounds = { min: 0, max: 4 }
  const simulation = new Simulation({ bounds, hosts: 1 }).run(30, () => 1).run(59, () => 0)
  assert.is(simulation.scale.hosts, 1)
  simulation.run(10, () => 0)
  assert.is(simulation.scale.hosts, 0)
  assert.is(simulation.scale.reason, 'scaled to 0: no work for 60 s')
  simulation.run(3_600, () => 0)
  assert.is(simulation.scale.hosts, 0)
  simulation.run(1, () => 1)
  assert.is(simulation.scale.hosts, 1)
  assert.is(simulation.scale.reason, 'scaled to 1: 1 record waits')
})

Autoscale('keeps a host while a record comes now and then', () => {
  const bounds = { min: 0, max: 4 }
  const simulation = new Simulation({ bounds, hosts: 1 }).run(3_600, second => (second % 45 === 0 ? 1 : 0))
  assert.equal(simulation.changes, [])
})

Autoscale('keeps, and starts, a host where it can not be told that there is no work', () => {
  const bounds = { min: 0, max: 4 }
  const simulation = new Simulation({ bounds, hosts: 0 }).run(1, () => 0, 'what feeds it started anew')
  assert.is(simulation.scale.reason, 'scaled to 1: what feeds it started anew')
  simulation.run(300, () => 0, 'its wiring is not in effect yet')
  assert.is(simulation.scale.hosts, 1)
  simulation.run(70, () => 0)
  assert.is(simulation.scale.hosts, 0)
})

Autoscale('begins with what runs, and obeys limits that have changed', () => {
  assert.is(firstScale(limits, 5, 0).hosts, 5)
  assert.is(firstScale(limits, 0, 0).hosts, 1)
  const sample = { at: 1_000, lag: 0, hosts: 5, rate: 0, load: 0 }
  assert.is(rescale(firstScale(limits, 5, 0), sample, { min: 1, max: 2 }, scaleDefaults).hosts, 2)
  assert.is(rescale(firstScale(limits, 5, 0), sample, { min: 6, max: 8 }, scaleDefaults).hosts, 6)
})

Autoscale.run()

const Taking = suite('scaler')

const world = (min: number, hosts: Partial<ObservedHost>[], resting: Record<string, number> = {}) => {
  const nodes = [
    source('in', { type: 'every', intervalMs: 1000 }),
    fn('f', ['in'], { scale: { min, max: 8 } }),
  ]
  const inventory = { flow: { name: 't', nodes } } as unknown as Inventory
  const observed = { hosts: hosts.map(host => ({ node: 'f', phase: 'running', ...host })), resting }
  const scaler = new Scaler()
  scaler.begin(inventory, observed as unknown as Observed, 0)
  return scaler.hosts.f
}

Taking('goes on with as many hosts as run of the newest generation', () => {
  assert.is(world(1, [{ generation: 1 }, { generation: 2 }, { generation: 2 }, { generation: 2 }]), 3)
  assert.is(world(1, [{ generation: 1 }, { generation: 1, phase: 'stopping' }]), 1)
})

Taking('begins with one host, and with none only what went to rest', () => {
  assert.is(world(0, []), 1)
  assert.is(world(0, [], { f: 3 }), 0)
  assert.is(world(0, [{ generation: 1 }], { f: 3 }), 1)
  assert.is(world(2, []), 2)
})

Taking.run()
