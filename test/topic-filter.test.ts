import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { overlap } from '../runtime/topic-filter.ts'

const Filters = suite('topic filters')

const pairs: [one: string, other: string, meet: boolean][] = [
  ['a/b', 'a/b', true],
  ['a/b', 'a/c', false],
  ['a', 'a/b', false],
  ['a/+', 'a/b', true],
  ['a/+', 'a/b/c', false],
  ['+/b', 'a/+', true],
  ['+/b/c', 'a/+', false],
  ['a/+/c', '+/b/d', false],
  ['#', 'a/b', true],
  ['a/#', 'a', true],
  ['a/#', 'a/b/c', true],
  ['a/#', '+', true],
  ['a/#', 'b/#', false],
  ['a/b/#', 'a/c', false],
  ['a/b', '', false],
]

for (const [one, other, meet] of pairs)
  Filters(`${one} and ${other} ${meet ? 'meet' : 'do not meet'}`, () => {
    assert.is(overlap(one, other), meet)
    assert.is(overlap(other, one), meet)
  })

Filters.run()
