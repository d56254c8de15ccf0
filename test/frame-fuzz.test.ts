import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decode, FrameBuilder, FrameError } from '../runtime/frame.ts'
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
  const record = '"1",1,null,1'
  const whole = `{"v":1,"p":0,"o":["a"],"r":[[0,${record}]]}`
  const deep = `{"v":${'['.repeat(100_000)}${']'.repeat(100_000)},"p":0}`
  const cases: [payload: string | Buffer, says: string][] = [
    ['{"v":2,"p":0,"o":[],"r":[]}', 'version 2'],
    [`{"v":"${'9'.repeat(1_000)}"}`, 'version 99999999999999999999:'],
    [deep, 'version none'],
    [whole.slice(0, -1), 'truncated'],
    [whole.replace('"1"', '"-1"'), 'no valid id'],
    [whole.replace('"1"', `"1${'.1'.repeat(600)}"`), 'no valid id'],
    [whole.replace('"a"', `"${'a'.repeat(20_000)}"`), 'unknown origin'],
    [whole.replace(',1,null', ',1e999,null'), 'no time'],
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
      seq: fc.nat(1e9).map(String),
      time: fc.nat(),
      key: fc.option(text, { nil: undefined }),
      value: fc.jsonValue(),
    }),
    { maxLength: 8 },
  )
  fc.assert(
    fc.property(records, all => {
      const frame = new FrameBuilder()
      for (const { origin, seq, time, key, value } of all)
        frame.add(origin, seq, time, key, JSON.stringify(value))
      const read = decode(Buffer.from(frame.build(3)))
      assert.equal(
        read.records.map(({ origin, seq, time, key, value }) => ({
          origin,
          seq,
          time,
          key,
          value: JSON.stringify(value),
        })),
        all.map(record => ({ ...record, value: JSON.stringify(record.value) })),
      )
    }),
    { numRuns: 1_000 },
  )
})

Frames.run()
