import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Exile, Stay, Verdicts } from '../controller/adaptation/homecoming.ts'
import { Shelter } from '../controller/adaptation/shelter.ts'
import { randomOf } from '../controller/placement/random.ts'
import type { Placement } from '../schema/flow.ts'
import { DisplacedWorld, drained, hostOf, lost, minute, short } from './support/displaced-world.ts'
import { flowOf } from './support/planned.ts'
import { fn } from './support/rig.ts'

const Returns = suite('functions that fled, and what going back costs')

/** What going back costs more, by function: nothing is known of those that are left out. */
class Figures {
  costsMore: Record<string, number> = {}
  /** Who was asked about, each time. */
  asked: string[] = []

  reckon = (exiles: readonly Exile[]): Verdicts => {
    this.asked.push(exiles.map(({ name, homes }) => `${name} to ${homes}`).join())
    const known = exiles.filter(({ name }) => name in this.costsMore)
    return {
      unknown: 'nothing was measured of late',
      verdicts: new Map(
        known.map(({ name, home, homes }) => {
          const costsMore = this.costsMore[name]!
          const says = `going back to ${home} would cost ${costsMore} an hour more`
          const stay: Stay = { at: '', node: homes[0]!, says, costsMore, movingCost: 0.02, horizonHours: 24 }
          return [name, costsMore < 0 ? { goes: true, says: 'it saves' } : { goes: false, stay }]
        }),
      ),
    }
  }
}

/** @param costsMore of `a`, at home */
function worldWith(costsMore?: number, placement: Placement = { zone: 'edge' }) {
  const world = new DisplacedWorld([placement])
  const figures = new Figures()
  if (costsMore !== undefined) figures.costsMore.a = costsMore
  world.reckon = figures.reckon
  return { world, figures }
}

/** It flees, and its node is well again for long enough. */
function fleeAndHeal(world: DisplacedWorld, conditions = lost) {
  world.conditions.set('e1', conditions)
  world.after(2 * minute)
  world.conditions.delete('e1')
  world.after(6 * minute)
}

Returns('go back where that pays, and not before the node has been well for a while', () => {
  const { world, figures } = worldWith(-1)
  world.conditions.set('e1', lost)
  world.after(2 * minute)
  world.conditions.delete('e1')
  world.after(4.5 * minute)
  assert.equal([world.moves, figures.asked], [['a → fog'], []])
  world.after(minute)
  assert.equal([world.moves, figures.asked], [['a → fog', 'a → edge'], ['a to e1']])
  assert.equal(world.returned, { a: 'it saves' })
})

Returns('stay where that does not pay, say why, and are asked about now and then', () => {
  const { world, figures } = worldWith(0.3)
  fleeAndHeal(world)
  assert.equal(world.moves, ['a → fog'])
  assert.is(world.refuges.a!.stays!.says, 'going back to zone edge would cost 0.3 an hour more')
  const before = figures.asked.length
  const passes = 60 / 5
  world.after(60 * minute)
  assert.is(figures.asked.length - before, passes, 'every five minutes')
  figures.costsMore.a = -0.3
  world.after(5 * minute)
  assert.equal(world.moves, ['a → fog', 'a → edge'])
  assert.equal(world.refuges, {})
})

const wanted: [what: string, placement: Placement, conditions: typeof lost][] = [
  ['prefer to be there', { zone: 'edge', prefer: [{ zone: 'edge', weight: 1 }] }, lost],
  ['were drained', { zone: 'edge' }, drained],
  ['are undecided', {}, short],
]
for (const [what, placement, conditions] of wanted)
  Returns(`go back at once, whatever that costs, where they ${what}`, () => {
    const { world, figures } = worldWith(0.3, placement)
    fleeAndHeal(world, conditions)
    assert.equal([world.refuges, figures.asked], [{}, []])
    assert.is(world.moves[0], 'a → fog')
  })

Returns('go back at once where they are to stay, whatever that costs', () => {
  const { world } = worldWith(0.3)
  fleeAndHeal(world)
  world.flow = flowOf(fn('a', ['tick'], { placement: { zone: 'edge', keep: true } }))
  world.look()
  assert.equal(world.moves, ['a → fog', 'a → edge'])
})

Returns('go back at once where a person asks for it, or gives back what was drained meanwhile', () => {
  const { world } = worldWith(0.3)
  fleeAndHeal(world)
  world.refuges.a = { ...world.refuges.a!, recalled: true }
  world.look()
  assert.equal(world.moves, ['a → fog', 'a → edge'])
  const again = worldWith(0.3).world
  fleeAndHeal(again)
  again.conditions.set('e1', drained)
  again.look()
  assert.equal([again.refuges.a!.kind, again.refuges.a!.stays], ['drained', undefined])
  again.conditions.delete('e1')
  again.look()
  assert.equal(again.moves, ['a → fog', 'a → edge'])
})

Returns('are decided anew by another decision, though they stay', () => {
  const { world } = worldWith(0.3)
  fleeAndHeal(world)
  world.flow = flowOf(fn('a', ['tick'], { placement: { zone: 'fog' } }))
  assert.equal(world.look().refuges, {})
})

Returns('go back to what works when what they fled to is lost', () => {
  const { world } = worldWith(0.3)
  fleeAndHeal(world)
  world.conditions.set('f1', lost)
  assert.equal(world.after(10_000).moves, ['a → fog', 'a → edge'])
})

Returns('stay no more for what it costs while their node is lost again', () => {
  const { world, figures } = worldWith(0.3)
  fleeAndHeal(world)
  world.conditions.set('e1', lost)
  world.after(10_000)
  assert.is(world.refuges.a!.stays, undefined)
  figures.costsMore.a = -1
  world.conditions.delete('e1')
  world.after(9 * minute)
  assert.equal(world.moves, ['a → fog'], 'the second time it takes twice as long')
  assert.equal(world.after(2 * minute).moves, ['a → fog', 'a → edge'])
})

Returns('go back by time alone where nothing is known', () => {
  const { world } = worldWith()
  fleeAndHeal(world)
  assert.equal(world.moves, ['a → fog', 'a → edge'])
  assert.equal(world.returned, { a: 'whether that pays is not known: nothing was measured of late' })
})

Returns('stay half an hour by what was known, and then go back by time alone', () => {
  const { world, figures } = worldWith(0.3)
  fleeAndHeal(world)
  figures.costsMore = {}
  world.after(30 * minute)
  assert.equal(world.moves, ['a → fog'])
  world.after(10 * minute)
  assert.equal(world.moves, ['a → fog', 'a → edge'])
})

Returns('stay when another controller takes over, which has no figures at first', () => {
  const { world, figures } = worldWith(0.3)
  fleeAndHeal(world)
  world.shelter = new Shelter()
  figures.costsMore = {}
  world.after(5 * minute)
  figures.costsMore = { a: 0.3 }
  world.after(60 * minute)
  assert.equal(world.moves, ['a → fog'])
})

Returns('come back to a node that was full one after the other, where each pays', () => {
  const world = new DisplacedWorld([{ zone: 'edge' }, { zone: 'edge' }])
  const figures = new Figures()
  figures.costsMore = { a: -1, b: 0.3 }
  world.reckon = figures.reckon
  world.hosts = [hostOf('a', 'e1', 10), hostOf('b', 'e1', 30)]
  world.conditions.set('e1', short)
  world.after(2 * minute)
  world.conditions.delete('e1')
  world.after(10 * minute)
  assert.equal(world.moves, ['b → fog', 'a → fog', 'a → edge'])
  assert.equal(Object.keys(world.refuges), ['b'])
})

for (const [what, costsMore, most] of [
  ['stay through all of it where going back does not pay', () => 0.3, 1],
  ['move no more than by time alone where it pays', () => -1, 8],
  ['move no more than by time alone where it pays now and then', (random: () => number) => random() - 0.5, 8],
] as const)
  Returns(`${what}: a node that comes and goes for a day`, () => {
    const { world, figures } = worldWith()
    const random = randomOf(11)
    for (let passed = 0; passed < 24 * 60; passed += 40) {
      figures.costsMore.a = costsMore(random)
      world.conditions.set('e1', lost)
      world.after(10 * minute)
      world.conditions.delete('e1')
      world.after(30 * minute)
    }
    assert.ok(world.moves.length <= most, `${world.moves.length} moves in a day`)
  })

Returns.run()
