import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compareSeq, derivedSeq, seqFrom } from '../runtime/record-id.ts'

const Seq = suite('places of records')

Seq('come after each other by their groups, of which missing ones count as 0', () => {
  const groups = fc.array(fc.oneof(fc.nat(3), fc.nat(999_999_999)), { minLength: 1, maxLength: 5 })
  const seqOf = (numbers: number[]) => (numbers.length === 1 ? numbers[0]! : numbers.join('.'))
  fc.assert(
    fc.property(groups, groups, (a, b) => {
      const at = Array.from({ length: 5 }, (_, i) => (a[i] ?? 0) - (b[i] ?? 0)).find(each => each !== 0)
      assert.is(Math.sign(compareSeq(seqOf(a), seqOf(b))), Math.sign(at ?? 0))
    }),
  )
  assert.ok(compareSeq(999_999_999_999_999, '999999999999999.1') < 0, 'the largest first group')
  assert.is(compareSeq('7.0', 7), 0)
})

Seq('grow with the position of an output, and stay behind the next record', () => {
  const origin = 'source.0/several.0'
  const derived = [0, 1, 9, 10].map(position => derivedSeq(origin, '5.2', position))
  assert.equal(derived, ['5.2', '5.2.1', '5.2.9', '5.2.10'])
  for (const [i, seq] of derived.entries()) {
    if (i > 0) assert.ok(compareSeq(derived[i - 1]!, seq) < 0)
    assert.ok(compareSeq(seq, '5.3') < 0)
    assert.is(seqFrom(seq), seq)
  }
})

Seq.run()
