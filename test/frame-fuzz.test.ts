import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decode, FrameBuilder } from '../runtime/frame.ts'
import { FrameError } from '../runtime/frame-error.ts'
import { mutants } from './support/frame-corpus.ts'

const Frames = suite('a frame that is none')

const numRuns = 10_000

/** What a host does with a payload: it reads it, or says what is wrong. */
function outcome(payload: Buffer): 'read' | 'refused' {
  try {
    decode(payload)
    return 'read'
  } catch (error) {
    if (!(error instanceof FrameError)) throw error
    assert.ok(error.message.length < 200)
    return 'refused'
  }
}

Frames('is refused with a reason, whatever its bytes are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
      assert.is(outcome(Buffer.from(bytes)), 'refused')
    }),
    { numRuns },
  )
})

Frames('is refused with a reason, whatever JSON it is', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), json => {
      assert.is(outcome(Buffer.from(json)), 'refused')
    }),
    { numRuns },
  )
})

Frames('is refused or read when a real one is damaged', () => {
  const counts = { read: 0, refused: 0 }
  fc.assert(
    fc.property(mutants(), payload => {
      counts[outcome(payload as Buffer)] += 1
    }),
    { numRuns },
  )
  assert.ok(counts.read > 0 && counts.refused > numRuns / 2, JSON.stringify(counts))
})

Frames('says what is wrong with it', () => {
  const whole = '{"v":1,"r":[1],"p":0,"s":["1"],"t":1,"d":[0],"o":["a"],"i":[0],"k":[null],"e":[null]}'
  const deep = `{"v":${'['.repeat(100_000)}${']'.repeat(100_000)},"p":0}`
  const cases: [payload: string | Buffer, says: string][] = [
    ['{"v":3,"r":[],"p":0,"s":[],"t":0,"o":[]}', 'version 3'],
    [`{"v":"${'9'.repeat(1_000)}"}`, 'version 99999999999999999999:'],
    [deep, 'version none'],
    [whole.slice(0, -1), 'truncated'],
    [whole.replace('"r":[1]', '"r":{}'), 'without records'],
    [whole.replace('"p":0', '"p":-1'), 'without the partition'],
    [whole.replace('"s":["1"]', '"s":[]'), 'as many ids as records'],
    [whole.replace('"d":[0]', '"d":[1,2]'), 'as many times'],
    [whole.replace('"i":[0]', '"i":0'), 'as many origins'],
    [whole.replace('"i":[0]', '"i":[1]'), 'unknown origin'],
    [whole.replace('"o":["a"]', '"o":null'), 'unknown origin'],
    [whole.replace('"k":[null]', '"k":"1"'), 'as many keys'],
    [whole.replace('"k":[null]', '"k":[1]'), 'a key that is no text'],
    [whole.replace('"e":[null]', '"e":[]'), 'as many topics'],
    [whole.replace('"1"', '"-1"'), 'no valid id'],
    [whole.replace('"1"', `"1${'.1'.repeat(600)}"`), 'no valid id'],
    [whole.replace('"a"', `"${'a'.repeat(20_000)}"`), 'unknown origin'],
    [whole.replace('"s":["1"]', '"s":[1]'), 'no valid id'],
    ['{"v":1,"r":[1,1],"p":0,"s":["1",-2],"t":1,"o":[""]}', 'no valid id'],
    ['{"v":1,"r":[1,1],"p":0,"s":["1.1",1],"t":1,"o":[""]}', 'no valid id'],
    ['{"v":1,"r":[1,1],"p":0,"s":["1",1e15],"t":1,"o":[""]}', 'no valid id'],
    [whole.replace('"t":1', '"t":"1"'), 'without a time'],
    [whole.replace('"t":1', '"t":1e999'), 'without a time'],
    [whole.replace('"d":[0]', '"d":[1e999]'), 'no time'],
    [Buffer.alloc(8 * 1024 * 1024 + 1, ' '), 'too large'],
  ]
  for (const [payload, says] of cases) {
    try {
      decode(Buffer.from(payload))
      assert.unreachable(says)
    } catch (error) {
      assert.ok(error instanceof FrameError, says)
      assert.match(error.message, says)
    }
  }
})

Frames('is none of those that a host writes', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 })
  const records = fc.array(
    fc.record({
      origin: text,
      seq: fc.oneof(
        fc.nat(1e9),
        fc.nat(1e15 - 1),
        fc.tuple(fc.nat(9), fc.nat(9)).map(groups => groups.join('.')),
      ),

      time: fc.nat(),
      key: fc.option(text, { nil: undefined }),
      value: fc.jsonValue(),
      topic: fc.option(text, { nil: undefined }),
    }),
    { maxLength: 8 },
  )
  fc.assert(
    fc.property(records, all => {
      const frame = new FrameBuilder()
      for (const { origin, seq, time, key, value, topic } of all)
        frame.add(origin, seq, time, key, JSON.stringify(value), topic)
      const read = decode(Buffer.from(frame.build(3)))
      assert.equal(
        read.records.map(({ origin, seq, time, key, value, topic }) => ({
          origin,
          seq,
          time,
          key,
          value: JSON.stringify(value),
          topic,
        })),
        all.map(record => ({ ...record, value: JSON.stringify(record.value) })),
      )
    }),
    { numRuns: 1_000 },
  )
})

Frames.run()
