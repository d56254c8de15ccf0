import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { succession } from '../controller/broker/succession.ts'

const Succession = suite('brokers of zones, from one declaration to the next')

/** `a1` and `a2` are one broker, with other credentials. */
const isSame = (a: string, b: string) => a[0] === b[0]

Succession('are those that are declared, where nothing goes by another one', () => {
  assert.equal(succession({}, { edge: 'a1' }, [], isSame), {
    known: { edge: 'a1' },
    offered: ['edge'],
    leaving: [],
  })
  assert.equal(succession({ edge: 'a1' }, { edge: 'b1' }, [], isSame), {
    known: { edge: 'b1' },
    offered: ['edge'],
    leaving: [],
  })
  assert.equal(succession({ edge: 'a1' }, {}, ['fog'], isSame), { known: {}, offered: [], leaving: [] })
})

Succession('stay as long as something may go by them, and take nothing more', () => {
  assert.equal(succession({ edge: 'a1' }, {}, ['edge'], isSame), {
    known: { edge: 'a1' },
    offered: [],
    leaving: ['edge'],
  })
  assert.equal(succession({ edge: 'a1' }, { edge: 'b1', fog: 'c1' }, ['edge'], isSame), {
    known: { edge: 'a1', fog: 'c1' },
    offered: ['fog'],
    leaving: ['edge'],
  })
})

Succession('get other credentials at once', () => {
  assert.equal(succession({ edge: 'a1' }, { edge: 'a2' }, ['edge'], isSame), {
    known: { edge: 'a2' },
    offered: ['edge'],
    leaving: [],
  })
})

const zone = fc.constantFrom('edge', 'fog', 'cloud')
const brokers = fc.dictionary(zone, fc.constantFrom('a1', 'a2', 'b1', 'b2'))

Succession('never change one that something may go by, and come to what is declared', () => {
  fc.assert(
    fc.property(brokers, brokers, fc.uniqueArray(zone), (before, declared, inUse) => {
      const { known, offered, leaving } = succession(before, declared, inUse, isSame)
      for (const zone of inUse) if (before[zone]) assert.ok(isSame(known[zone]!, before[zone]!))
      for (const zone of offered) assert.is(known[zone], declared[zone])
      assert.equal(Object.keys(known).toSorted(), [...offered, ...leaving].toSorted())
      const last = succession(known, declared, [], isSame)
      assert.equal(last.known, { ...declared })
      assert.equal(last.leaving, [])
    }),
  )
})

Succession.run()
