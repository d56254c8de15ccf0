import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { resolve } from '../lib/senml.ts'

const Senml = suite('senml')

const now = 1_700_000_000

Senml('resolves base fields into every record that follows', () => {
  const pack = [
    {
      bn: 'urn:dev:ow:10e2073a0108006:',
      bt: 1.276020076e9,
      bu: 'A',
      bver: 10,
      n: 'voltage',
      u: 'V',
      v: 120.1,
    },
    { n: 'current', t: -5, v: 1.2 },
    { n: 'current', t: -4, v: 1.3 },
    { bn: 'urn:dev:other:', n: 'current', v: 1.4 },
  ]
  assert.equal(resolve(pack, now), [
    { n: 'urn:dev:ow:10e2073a0108006:current', u: 'A', v: 1.2, t: 1276020071 },
    { n: 'urn:dev:ow:10e2073a0108006:current', u: 'A', v: 1.3, t: 1276020072 },
    { n: 'urn:dev:ow:10e2073a0108006:voltage', u: 'V', v: 120.1, t: 1276020076 },
    { n: 'urn:dev:other:current', u: 'A', v: 1.4, t: 1276020076 },
  ])
})

Senml('adds base value and base sum', () => {
  const pack = [
    { bn: 'meter', bv: 20, bs: 100, v: 1.5, s: 5 },
    { t: 1, vs: 'idle' },
  ]
  assert.equal(resolve(pack, now), [
    { n: 'meter', v: 21.5, s: 105, t: now },
    { n: 'meter', vs: 'idle', s: 100, t: now + 1 },
  ])
})

Senml('counts times below 2**28 from now, the others from 1970', () => {
  const times = (t: number) => resolve([{ n: 'a', v: 1, t }], now)[0]?.t
  assert.is(times(0), now)
  assert.is(times(-60), now - 60)
  assert.is(times(2 ** 28 - 1), now + 2 ** 28 - 1)
  assert.is(times(2 ** 28), 2 ** 28)
})

Senml('keeps every kind of value, and the version only if it is not 10', () => {
  const pack = [
    { bn: 'dev/', bver: 5, n: 'text', vs: '' },
    { n: 'flag', vb: false },
    { n: 'bytes', vd: 'aGkgCg', ut: 60 },
    { n: 'sum', s: 0 },
  ]
  assert.equal(resolve(pack, now), [
    { n: 'dev/text', t: now, vs: '', bver: 5 },
    { n: 'dev/flag', t: now, vb: false, bver: 5 },
    { n: 'dev/bytes', t: now, vd: 'aGkgCg', ut: 60, bver: 5 },
    { n: 'dev/sum', t: now, s: 0, bver: 5 },
  ])
})

Senml('ignores fields it does not know', () => {
  assert.equal(resolve([{ n: 'a', v: 1, colour: 'red' }], now), [{ n: 'a', v: 1, t: now }])
})

const rejected: [string, unknown][] = [
  ['what is no list', { n: 'a', v: 1 }],
  ['an empty list', []],
  ['a record that is no object', [1]],
  ['a record that is null', [null]],
  ['a record without a name', [{ v: 1 }]],
  ['a name that starts with punctuation', [{ n: '-a', v: 1 }]],
  ['a character that names cannot hold', [{ bn: 'room ', n: 'a', v: 1 }]],
  ['a record without a value', [{ n: 'a' }]],
  ['a base value alone', [{ n: 'a', bv: 1 }]],
  ['two values', [{ n: 'a', v: 1, vs: 'b' }]],
  ['a value of the wrong type', [{ n: 'a', v: '1' }]],
  ['null for a value', [{ n: 'a', v: null }]],
  ['a time of the wrong type', [{ n: 'a', v: 1, t: '12:00' }]],
  ['data with padding', [{ n: 'a', vd: 'aGk=' }]],
  ['data in the other alphabet', [{ n: 'a', vd: 'aG+/' }]],
  ['a field that must be understood', [{ n: 'a', v: 1, unit_: 'x' }]],
  ['a newer version', [{ bver: 11, n: 'a', v: 1 }]],
  ['a version that is no positive integer', [{ bver: 0, n: 'a', v: 1 }]],
  [
    'two versions in one pack',
    [
      { n: 'a', v: 1 },
      { bver: 9, n: 'a', v: 2 },
    ],
  ],
]
for (const [what, pack] of rejected)
  Senml(`rejects ${what}`, () => {
    assert.throws(
      () => resolve(pack, now),
      (error: unknown) => error instanceof TypeError,
    )
  })

Senml.run()
