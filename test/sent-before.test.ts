import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SentBefore } from '../runtime/sent-before.ts'

const Before = suite('what owners before have sent')

Before('is nothing where nobody has finished any', () => {
  for (const finished of [[], [undefined], [new Map()], [new Map([['a.0', 3]]), undefined]])
    assert.not(new SentBefore(finished).includes('a.0', 1))
})

Before('is what each of its readers has finished, by origin', () => {
  const before = new SentBefore([
    new Map<string, number | string>([
      ['a.0', 7],
      ['b.0', 4],
    ]),
    new Map<string, number | string>([
      ['b.0', '3.1'],
      ['a.0', 9],
    ]),
    new Map<string, number | string>([
      ['a.0', 8],
      ['b.0', 5],
      ['c.0', 1],
    ]),
  ])
  assert.ok(before.includes('a.0', 7))
  assert.not(before.includes('a.0', 8))
  assert.ok(before.includes('b.0', '3.1'))
  assert.not(before.includes('b.0', '3.2'))
  assert.not(before.includes('c.0', 1))
})

Before.run()
