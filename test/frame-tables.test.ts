import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Flat, flatLength } from '../runtime/flat.ts'
import { decode, FrameBuilder } from '../runtime/frame.ts'
import { FrameError } from '../runtime/frame-error.ts'

const Tables = suite('tables of a frame')

/** As an attempt does: what is not flat leaves as JSON. */
function frameOf(values: unknown[], version?: number): string {
  const frame = new FrameBuilder(version)
  for (const [i, value] of values.entries()) {
    const length = flatLength(value)
    frame.add('in.0', i, 1, undefined, length ? (value as Flat) : JSON.stringify(value), undefined, length)
  }
  return frame.build(0).toString()
}

const read = (text: string) => decode(Buffer.from(text)).records.map(({ value }) => value)
const tablesOf = (text: string) => JSON.parse(text) as { r: unknown[]; c?: object[]; g?: number[] }

const field = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constantFrom(null, undefined, -0, Number.NaN, Number.POSITIVE_INFINITY),
)
const name = fc.constantFrom(
  'a',
  'b',
  'room',
  '',
  '10',
  '2',
  '__proto__',
  'toJSON',
  'constructor',
  'é"\n\u2028',
)
const flat = fc
  .uniqueArray(fc.tuple(name, field), { selector: ([name]) => name, maxLength: 6 })
  .map(fields => Object.fromEntries(fields))
const value = fc.oneof(
  { weight: 6, arbitrary: flat },
  { weight: 1, arbitrary: fc.jsonValue() },
  fc.constantFrom(
    { at: new Date(0) },
    Object.assign(Object.create(null), { a: 1 }),
    new (class A {
      a = 1
    })(),
  ),
)

Tables('hold what JSON would have held, in order', () => {
  const counts = { tables: 0, mixed: 0 }
  fc.assert(
    fc.property(fc.array(value, { maxLength: 60 }), values => {
      const text = frameOf(values)
      assert.equal(
        read(text).map(value => JSON.stringify(value)),
        values.map(value => JSON.stringify(value)),
      )
      const { c, g } = tablesOf(text)
      if (c) counts.tables += 1
      if (g) counts.mixed += 1
    }),
    { numRuns: 2_000 },
  )
  assert.ok(counts.tables > 500 && counts.mixed > 500, JSON.stringify(counts))
})

Tables('hold what objects of one shape hold, however many they are', () => {
  fc.assert(
    fc.property(flat, fc.nat(80), (first, times) => {
      const values = Array.from({ length: times }, (_, i) => ({ ...first, n: i }))
      assert.equal(JSON.stringify(read(frameOf(values))), JSON.stringify(values))
    }),
  )
})

Tables('name a field once', () => {
  const text = frameOf(Array.from({ length: 100 }, (_, n) => ({ room: 'attic', n })))
  assert.is(text.split('"room"').length, 2)
  assert.equal(tablesOf(text).g, undefined)
})

Tables('are not there for a few records', () => {
  const few = [{ n: 1 }, { n: 2 }, { n: 3 }]
  assert.equal(tablesOf(frameOf(few)).r, few)
  assert.equal(tablesOf(frameOf(few)).c, undefined)
})

Tables('hold a value as it was when it was added, however many there are', () => {
  for (let count = 1; count <= 6; count++) {
    const frame = new FrameBuilder()
    const value = { n: 0, room: 'attic' }
    for (let i = 0; i < count; i++) {
      value.n = i
      frame.add('in.0', i, 1, undefined, value, undefined, flatLength(value))
    }
    value.n = -1
    const expected = Array.from({ length: count }, (_, n) => ({ n, room: 'attic' }))
    assert.equal(read(frame.build(0).toString()), expected)
  }
})

Tables('are there for sixteen shapes, and the others are as they are', () => {
  const values = Array.from({ length: 200 }, (_, i) => ({ [`field-${i % 20}`]: i }))
  const text = frameOf(values)
  assert.is(tablesOf(text).c?.length, 16)
  assert.is(tablesOf(text).r.length, 40)
  assert.equal(read(text), values)
})

Tables('leave out what has many fields, or is long', () => {
  const wide = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`f${i}`, i]))
  assert.is(flatLength(wide), undefined)
  assert.is(flatLength({ text: 'x'.repeat(17_000) }), undefined)
  assert.is(flatLength({}), undefined)
  assert.is(flatLength([1]), undefined)
})

Tables('leave out a field that a library has given to every object', () => {
  Object.defineProperty(Object.prototype, 'polluted', { value: 1, enumerable: true, configurable: true })
  try {
    const text = frameOf(Array.from({ length: 10 }, (_, n) => ({ n })))
    assert.not.match(text, 'polluted')
  } finally {
    delete (Object.prototype as Record<string, unknown>).polluted
  }
})

Tables('take about as many characters as they say', () => {
  const values = Array.from({ length: 50 }, (_, n) => ({ room: 'attic', celsius: 20.5 + n, occupied: true }))
  const json = values.map(value => JSON.stringify(value).length).reduce((sum, each) => sum + each)
  const said = values.map(value => flatLength(value)!).reduce((sum, each) => sum + each)
  assert.ok(Math.abs(said - json) < 0.3 * json, `${said} and ${json}`)
})

Tables('say what is wrong with them', () => {
  const whole =
    '{"v":2,"r":[7],"c":[[["a"],[1,2]],[["b"],[3]]],"g":[0,-1,0,1],"p":0,"n":4,"s":["1",2],"t":1,"o":[""]}'
  assert.equal(read(whole), [{ a: 1 }, 7, { a: 2 }, { b: 3 }])
  const cases: [from: string, to: string, says: string][] = [
    ['"c":[[["a"],[1,2]],[["b"],[3]]]', '"c":{}', 'wrong list of tables'],
    ['"c":[[["a"],[1,2]],[["b"],[3]]]', '"c":[]', 'wrong list of tables'],
    ['"c":[[["a"],[1,2]],[["b"],[3]]]', `"c":[${Array(17).fill('[["a"],[1]]')}]`, 'wrong list of tables'],
    ['[["b"],[3]]', 'null', 'a table that is none'],
    ['[["b"],[3]]', '{"b":[3]}', 'a table that is none'],
    ['[["b"],[3]]', '[]', 'a table that is none'],
    ['[["b"],[3]]', '[[]]', 'a table that is none'],
    ['[["b"],[3]]', '[[7],[3]]', 'a table that is none'],
    ['[["b"],[3]]', `[${JSON.stringify(Array(65).fill('b'))},[3]]`, 'a table that is none'],
    ['[["b"],[3]]', '[["b"]]', 'columns do not fit'],
    ['[["b"],[3]]', '[["b"],3]', 'columns do not fit'],
    ['[["b"],[3]]', '[["b","c"],[3],[]]', 'columns do not fit'],
    ['"g":[0,-1,0,1],', '', 'what is in which table'],
    ['"g":[0,-1,0,1]', '"g":{}', 'what is in which table'],
    ['"g":[0,-1,0,1]', '"g":[0,-1,0,2]', 'fewer values'],
    ['"g":[0,-1,0,1]', '"g":[0,-1,0,"length"]', 'fewer values'],
    ['"g":[0,-1,0,1]', '"g":[0,0,0,1]', 'fewer values'],
    ['"g":[0,-1,0,1]', '"g":[0,-1,-1,1]', 'fewer values'],
    ['"g":[0,-1,0,1]', '"g":[0,-1,0]', 'more values'],
    ['"g":[0,-1,0,1]', '"g":[0,0,1]', 'more values'],
    ['"n":4,', '', 'as many ids as records'],
    ['"n":4', '"n":5', 'as many records as it says'],
    ['"n":4', '"n":"4"', 'as many records as it says'],
    ['"s":["1",2]', '"s":["1",2,1,1]', 'as many records as it says'],
    ['"s":["1",2]', '"s":[]', 'no valid id'],
    ['"s":["1",2]', '"s":7', 'as many records as it says'],
  ]
  for (const [from, to, says] of cases) {
    try {
      decode(Buffer.from(whole.replace(from, to)))
      assert.unreachable(says)
    } catch (error) {
      assert.ok(error instanceof FrameError, `${says}: ${error}`)
      assert.match(error.message, says)
    }
  }
})

Tables('are in no frame for hosts that do not know them', () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 20 }), values => {
      const frame = JSON.parse(frameOf(values, 1))
      assert.equal([frame.v, frame.c, frame.n], [1, undefined, undefined])
      assert.is(JSON.stringify(frame.r), JSON.stringify(values))
      assert.is(frame.s.length, values.length)
    }),
  )
})

Tables('have the ids that were given, whatever their steps', () => {
  const steps = fc.array(fc.constantFrom(1, 1, 1, 2, 5), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(steps, fc.constantFrom(1, 2), (steps, version) => {
      const frame = new FrameBuilder(version)
      let seq = 0
      const seqs = steps.map(step => (seq += step))
      for (const seq of seqs) frame.add('', seq, 1, undefined, { a: seq }, undefined, 7)
      const read = decode(Buffer.from(frame.build(0))).records
      assert.equal(
        read.map(({ seq }) => seq),
        seqs,
      )
    }),
  )
})

Tables.run()
