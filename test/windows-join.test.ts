import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { join } from '../runtime/index.ts'
import { type JoinOptions, joining } from '../runtime/windows/joining.ts'
import { arrivals, OperatorRun, type Sample } from './support/operator-run.ts'

type Result = { pair: [left: number, right: number] } | { left: number } | { right: number }

const within = 30
const lateness = 40
const outer: JoinOptions<Sample, Sample, Result> = {
  left: 'left',
  right: 'right',
  within,
  lateness,
  match: (l, r) => ({ pair: [l.n, r.n] }),
  unmatchedLeft: l => ({ left: l.n }),
  unmatchedRight: r => ({ right: r.n }),
}

/** What a full outer join gives, by looking at all records at once. */
function model(records: Sample[]): Result[] {
  const lefts = records.filter(({ from }) => from === 'left')
  const rights = records.filter(({ from }) => from === 'right')
  const near = (a: Sample, b: Sample) => Math.abs(a.time - b.time) <= within
  return [
    ...lefts.flatMap(l => rights.filter(r => near(l, r)).map((r): Result => ({ pair: [l.n, r.n] }))),
    ...lefts.filter(l => !rights.some(r => near(l, r))).map(({ n }) => ({ left: n })),
    ...rights.filter(r => !lefts.some(l => near(l, r))).map(({ n }) => ({ right: n })),
  ]
}

const sorted = (results: Result[]) => results.map(result => JSON.stringify(result)).sort()
const sample = (from: Sample['from'], time: number, n = 0): Sample => ({ n, time, now: time, from, id: 0 })

const Join = suite('join')

Join(
  'gives each pair once and each lone record once, in whatever order they come within the lateness',
  () => {
    fc.assert(
      fc.property(arrivals(lateness), records => {
        const run = new OperatorRun(joining(outer)).addAll(records).silence()
        assert.equal(sorted(run.results), sorted(model(records)))
        assert.equal(run.late, [])
      }),
    )
  },
)

Join('loses nothing of a live stream to the clock', () => {
  fc.assert(
    fc.property(arrivals(lateness), records => {
      const run = new OperatorRun(joining(outer)).live(records).silence()
      assert.equal(sorted(run.results), sorted(model(records)))
      assert.equal(run.late, [])
    }),
  )
})

Join('gives lone records by a later record as by the clock', () => {
  fc.assert(
    fc.property(arrivals(lateness), records => {
      const byClock = new OperatorRun(joining(outer)).addAll(records).silence()
      const byRecord = new OperatorRun(joining(outer)).addAll(records)
      byRecord.add(sample('left', 100_000, -1))
      assert.equal(sorted(byRecord.results), sorted(byClock.results))
    }),
  )
})

Join('gives the pairs alone unless it is told what becomes of lone records', () => {
  fc.assert(
    fc.property(arrivals(lateness), records => {
      const inner = joining({ left: 'left', right: 'right', within, lateness, match: outer.match })
      const run = new OperatorRun(inner).addAll(records).silence()
      assert.equal(sorted(run.results), sorted(model(records).filter(result => 'pair' in result)))
    }),
  )
})

Join('keeps a record until the last that may still come can match it no more', () => {
  const run = new OperatorRun(joining(outer))
  run.addAll([
    sample('left', 100, 1),
    sample('left', 100 + within + lateness, 2),
    sample('right', 100 + within, 3),
  ])
  assert.equal(run.results, [{ pair: [1, 3] }])
})

Join('keeps nothing longer than it may still be matched', () => {
  fc.assert(
    fc.property(arrivals(lateness, 5_000), records => {
      for (const { left, right, watermark } of new OperatorRun(joining(outer)).addAll(records).states)
        for (const [time] of [...left, ...right]) assert.ok(time >= watermark - within)
    }),
  )
})

Join('lets the oldest go when too many wait, as if its time was over', () => {
  const run = new OperatorRun(joining({ ...outer, max: 2 }))
  for (const n of [1, 2, 3]) run.add(sample('left', 100, n))
  assert.equal(run.results, [{ left: 1 }])
  run.add(sample('right', 100, 9))
  assert.equal(run.results.slice(1), [{ pair: [2, 9] }, { pair: [3, 9] }])
})

Join('calls late what lies further behind than within, unless it is told another lateness', () => {
  const run = new OperatorRun(joining({ ...outer, lateness: undefined }))
  for (const time of [100, 100 - within, 100 - within - 1]) run.add(sample('left', time, time))
  assert.equal(
    run.late.map(({ time }) => time),
    [100 - within - 1],
  )
})

Join('says which input it does not know', () => {
  const run = new OperatorRun(joining({ ...outer, left: 'orders' }))
  assert.throws(
    () => run.add(sample('left', 1)),
    'a record came from left, and the inputs of this join are orders and right',
  )
})

Join('refuses one input on both sides', () => {
  assert.throws(
    () => join({ left: 'a', right: 'a', within: '1s', match: (l: string) => l }),
    'left and right are both a',
  )
})

Join.run()
