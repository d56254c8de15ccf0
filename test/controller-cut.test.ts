import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Change } from '../controller/change.ts'
import { desire } from '../controller/desired.ts'
import { type Observed, plan } from '../controller/plan.ts'
import { beginnings, repartitionOf } from '../controller/repartition.ts'
import { type CursorDocument, emptyCursor } from '../runtime/cursor.ts'
import type { Presence } from '../runtime/presence.ts'
import { partitionNames } from '../schema/topics.ts'
import { type Wiring, wiringOf } from '../schema/wiring.ts'
import { fn, sink, source } from './support/rig.ts'

const flowOf = (max: number) => ({
  name: 'f',
  nodes: [
    source('in', { type: 'every', intervalMs: 1 }),
    fn('first', ['in'], { key: 'key', scale: { min: 1, max: 2 } }),
    fn('count', ['first'], { key: 'key', scale: { min: 1, max } }),
    sink('out', ['count'], { type: 'log' }),
  ],
})

const Beginning = suite('where new partitions begin')

const ended = (more: Partial<CursorDocument>): CursorDocument => ({ ...emptyCursor(), wiring: 7, ...more })
const wiringAfter = (partitions: number): Wiring => ({
  ...wiringOf(flowOf(partitions)).get('count')!,
  revision: 8,
  round: 3,
})
const begin = (partitions: number, ...cursors: CursorDocument[]) =>
  beginnings('f', 'count', cursors, wiringAfter(partitions))

Beginning('is behind the last of each lane and origin that any of the old ones has finished', () => {
  const begun = begin(
    4,
    ended({ lanes: { 'first.0': { in: '9', 'in/timer': '3.2' }, replay: { '': '1' } } }),
    ended({ lanes: { 'first.0': { in: '10', 'in/timer': '3.10' }, 'first.1': { in: '4' } } }),
  )
  for (const { lanes } of Object.values(begun))
    assert.equal(lanes, {
      'first.0': { in: '10', 'in/timer': '3.10' },
      'first.1': { in: '4' },
      replay: { '': '1' },
    })
})

Beginning('counts the keys that each gets from all of the old ones', () => {
  const fromTwo = begin(4, ended({ keys: 7, heirs: [3, 0, 4, 0] }), ended({ keys: 3, heirs: [0, 1, 0, 2] }))
  assert.equal(
    Object.values(fromTwo).map(({ keys }) => keys),
    [3, 1, 4, 2],
  )
  const toOne = begin(1, ...[3, 1, 4, 2].map(keys => ended({ keys, heirs: [keys] })))
  assert.equal(
    Object.entries(toOne).map(([name, { keys }]) => [name, keys]),
    [['0', 10]],
  )
  const withoutKeys = begin(2, ended({ keys: 5 }), ended({ keys: 5 }))
  assert.equal(
    Object.values(withoutKeys).map(({ keys }) => keys),
    [0, 0],
  )
})

Beginning('goes on with the highest numbers of timers and letters, and knows each replay', () => {
  const begun = begin(
    2,
    ended({ letters: 4, told: { timer: 2_000 }, replays: ['a', 'b'] }),
    ended({ letters: 9, told: { timer: 1_000, retry: 3_000 }, replays: ['b', 'c'] }),
  )
  for (const { letters, told, replays } of Object.values(begun))
    assert.equal([letters, told, replays], [9, { timer: 2_000, retry: 3_000 }, ['a', 'b', 'c']])
})

Beginning('is as an owner would have left it: in effect, subscribed, and blaming no record', () => {
  const begun = begin(2, ended({ takeovers: 2, trying: 'x', tryingBy: 'y', suspects: { x: 2 } }))
  assert.equal(Object.keys(begun), ['0of2', '1of2'])
  const second = begun['1of2']!
  assert.equal([second.wiring, second.round, second.takeovers], [8, 3, 0])
  assert.ok(second.subscriptions.includes('dyninka/f/data/first/default/key-2/1'))
  assert.ok(second.subscriptions.includes('dyninka/f/timer/count/1of2'))
  assert.not.ok('trying' in second || 'tryingBy' in second || 'suspects' in second || 'heirs' in second)
})

Beginning('is the same when it is worked out twice', () => {
  const cursors = [ended({ lanes: { a: { b: '1' } }, heirs: [1, 2] }), ended({ heirs: [3, 4] })]
  assert.equal(begin(2, ...cursors), begin(2, ...structuredClone(cursors)))
})

Beginning.run()

const Steps = suite('steps of a change of partitions')

/** A dataflow that runs as wired with 4 partitions; presences are as tests say. */
class World {
  wirings: Record<string, Wiring> = {}
  ended: Observed['ended'] = {}
  sessions: Record<string, string[]> = {}
  /** By node: the wiring that its host has in effect; none: it has no host. */
  inEffect: Record<string, number> = {}

  constructor() {
    for (const [node, content] of wiringOf(flowOf(4))) {
      this.wirings[node] = { ...content, revision: 1 }
      this.sessions[node] = partitionNames(content)
      this.inEffect[node] = 1
    }
  }

  get observed(): Observed {
    const presences = Object.entries(this.inEffect).map(([node, wiring]) => ({
      ...({ v: 1, host: node, generation: 1, artifact: '', node: 'n', pid: 0, startedAt: '' } satisfies Omit<
        Presence,
        'wiring' | 'partitions'
      >),
      wiring,
      partitions: Array.from({ length: this.wirings[node]!.partitions }, (_, n) => n),
      function: node,
    }))
    const { wirings, ended, sessions } = this
    return { hosts: [], nodes: [], resting: {}, silent: [], wirings, ended, sessions, presences }
  }

  desired(max: number) {
    const runtime = { digest: 'sha256:host', path: '/host' }
    const wanted = desire({ flow: flowOf(max), artifacts: {}, runtime, secretDigests: {} })
    return { ...wanted, workloads: [], unbuilt: [] }
  }

  /** One pass; what is published is not in effect anywhere yet. @returns what was done, without the wiring of others */
  pass(max: number): string[] {
    const changes = plan(this.desired(max), this.observed)
    for (const change of changes) {
      if (change.action === 'publish') this.wirings[change.node] = change.wiring
      if (change.action === 'discard')
        this.sessions[change.node] = this.sessions[change.node]!.filter(
          name => !change.partitions.includes(name),
        )
      const cut =
        change.action === 'repartition' ? change.to : change.action === 'publish' ? change.wiring : undefined
      if (cut && 'node' in change)
        this.sessions[change.node] = [...new Set([...this.sessions[change.node]!, ...partitionNames(cut)])]
    }
    return changes.map(short)
  }

  settle(...nodes: string[]) {
    for (const node of nodes) this.inEffect[node] = this.wirings[node]!.revision
  }

  why(max: number) {
    return repartitionOf('count', this.desired(max), this.observed)
  }
}

const short = (change: Change) =>
  change.action === 'publish'
    ? `wire ${change.node}${change.wiring.next ? ' next' : ''}${change.wiring.last ? ' last' : ''}`
    : 'node' in change
      ? `${change.action} ${change.node}`
      : change.action

const readersOf = ({ wirings }: World) =>
  Object.values(wirings.first!.outputs)
    .flat()
    .map(({ name }) => name)

Steps('come one after the other, each once what it needs is there', () => {
  const world = new World()
  assert.equal(world.pass(8), ['repartition count', 'wire count next'])
  assert.equal(world.wirings.count!.partitions, 4)
  assert.equal(world.pass(8), ['wire first'], 'the sessions are there: producers may switch')
  assert.equal(readersOf(world), ['key-8'])
  assert.is(world.why(8), 'repartition 4 → 8: waits until first sends to the new partitions')
  assert.equal(world.pass(8), [])
  world.settle('first')
  assert.equal(world.pass(8), ['wire count next last'])
  assert.is(world.why(8), 'repartition 4 → 8: the old partitions finish what was sent to them')
  world.settle('count')
  assert.equal(world.pass(8), [], 'hosts may say so: only the cursors count')
  world.ended.count = [1, 2, 3, 4].map(() => emptyCursor())
  assert.equal(world.pass(8), ['begin count', 'wire count'])
  world.ended = {}
  assert.is(world.why(8), 'repartition to 8: the new partitions take up the work')
  assert.equal(world.pass(8), [], 'what is left stays while the new ones do not run')
  world.settle('count')
  assert.equal(world.pass(8), ['discard count'])
  assert.equal(world.sessions.count, partitionNames({ partitions: 8, key: 'key' }))
  assert.equal(world.pass(8), [])
  assert.is(world.why(8), undefined)
})

Steps('begin only when all partitions that there are run', () => {
  const world = new World()
  delete world.inEffect.count
  assert.equal(world.pass(8), [])
  assert.is(world.why(8), 'repartition 4 → 8: begins once all partitions run')
  assert.equal(readersOf(world), ['key-4'])
  world.settle('count')
  assert.equal(world.pass(8)[0], 'repartition count')
})

Steps('wait for a producer that has no host: it may still send to the old partitions', () => {
  const world = new World()
  world.pass(8)
  world.pass(8)
  delete world.inEffect.first
  assert.equal(world.pass(8), [])
  world.settle('first')
  assert.equal(world.pass(8), ['wire count next last'])
})

Steps('go to their end before what was wanted meanwhile begins', () => {
  const world = new World()
  world.pass(8)
  world.pass(8)
  world.settle('first')
  assert.equal(world.pass(4), ['wire count next last'])
  assert.is(world.why(4), 'repartition 4 → 8: the old partitions finish what was sent to them')
  world.ended.count = [1, 2, 3, 4].map(() => emptyCursor())
  assert.equal(world.pass(4), ['begin count', 'wire count'])
  world.ended = {}
  assert.equal(world.pass(4), [], 'the 8 must run first')
  world.settle('count')
  assert.equal(world.pass(4).slice(0, 2), ['repartition count', 'wire count next'])
  assert.is(world.wirings.count!.next!.partitions, 4)
})

Steps('begin with the partitions that had sessions where the broker shows no wiring', () => {
  const world = new World()
  delete world.wirings.count
  delete world.inEffect.count
  world.pass(8)
  assert.is(world.wirings.count!.partitions, 4)
  world.settle('count', 'first')
  world.pass(8)
  world.settle('count', 'first', 'in')
  const made = [...world.pass(8), ...world.pass(8)]
  assert.ok(made.includes('repartition count') || world.wirings.count!.next, made.join())
})

Steps('number the cuts: what another cut of the same names has left is told from it', () => {
  const world = new World()
  for (const max of [8, 4]) {
    world.settle('in', 'first', 'count', 'out')
    for (let passes = 0; passes < 4; passes++) {
      world.pass(max)
      world.settle('first')
    }
    world.ended.count = partitionNames(world.wirings.count!).map(() => emptyCursor())
    world.pass(max)
    world.ended = {}
  }
  assert.is(world.wirings.count!.partitions, 4)
  assert.is(world.wirings.count!.round, 2)
})

Steps.run()
