import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { cordoned, DisplacedWorld, hostOf, lost, minute, short } from './support/displaced-world.ts'

const Outages = suite('nodes that can not be used, and when functions leave and come back')

Outages('go back once the node has been well for a while', () => {
  const world = new DisplacedWorld([{ zone: 'edge' }])
  world.conditions.set('e1', lost)
  world.after(minute)
  world.conditions.delete('e1')
  assert.equal(world.after(4.5 * minute).moves, ['a → fog'])
  assert.equal(world.after(minute).moves, ['a → fog', 'a → edge'])
  assert.equal(world.refuges, {})
})

Outages('do not move for a moment', () => {
  const world = new DisplacedWorld([{ zone: 'edge' }])
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
  Outages(`do not follow a node that is ${downMs / minute} min away and ${upMs / minute} min there`, () => {
    const world = new DisplacedWorld([{ zone: 'edge' }])
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

Outages('leave a full node one at a time, the largest first, until it is no more', () => {
  const world = new DisplacedWorld([{ zone: 'edge' }, { zone: 'edge' }, { zone: 'edge' }])
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

Outages('leave a full node that nobody decided, where no scheduler sees to it', () => {
  const world = new DisplacedWorld([{}])
  world.conditions.set('e1', short)
  assert.equal(world.after(minute).moves, ['a → fog'])
  const scheduled = new DisplacedWorld([{}])
  scheduled.schedules = true
  scheduled.conditions.set('e1', short)
  assert.equal(scheduled.after(minute).moves, [])
})

Outages('stay on a node that takes nothing new, and go elsewhere only when they have ended there', () => {
  const world = new DisplacedWorld([{ zone: 'edge' }])
  world.schedules = true
  world.conditions.set('e1', cordoned)
  assert.equal(world.after(10 * minute).moves, [])
  world.hosts = [hostOf('a', '')]
  assert.equal(world.after(10_000).moves, ['a → fog'])
  world.conditions.delete('e1')
  assert.equal(world.after(10_000).moves, ['a → fog', 'a → edge'], 'who took it away gave it back')
})

Outages.run()
