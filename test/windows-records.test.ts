import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { deduplicate, movingAverage } from '../runtime/index.ts'
import { deduplicating } from '../runtime/windows/deduplicate.ts'
import { averaging } from '../runtime/windows/moving-average.ts'
import { arrivals, OperatorRun, type Sample } from './support/operator-run.ts'

const within = 40
const sample = (time: number, id: number, n = 0): Sample => ({ n, time, now: time, from: 'left', id })
const mean = (values: number[]) => values.reduce((sum, each) => sum + each, 0) / values.length

const Deduplicate = suite('deduplicate')
const byId = () => deduplicating<Sample>({ by: ({ id }) => id, within })

Deduplicate('lets a record pass exactly if none of the same passed within the time', () => {
  fc.assert(
    fc.property(arrivals(within - 1), records => {
      const passed: Sample[] = []
      for (const record of records)
        if (!passed.some(({ id, time }) => id === record.id && Math.abs(time - record.time) < within))
          passed.push(record)
      const run = new OperatorRun(byId()).live(records)
      assert.equal(run.results, passed)
      assert.equal(run.late, [])
    }),
  )
})

Deduplicate('remembers a record as long as the oldest that may still come can repeat it', () => {
  const run = new OperatorRun(byId()).addAll([sample(100, 1), sample(100 + within, 2), sample(101, 1)])
  assert.equal(run.results, [sample(100, 1), sample(100 + within, 2)])
})

Deduplicate('calls late what is too old to know of', () => {
  const run = new OperatorRun(byId()).addAll([sample(100, 1), sample(100 - within, 2)])
  assert.equal(run.late, [sample(100 - within, 2)])
})

Deduplicate('forgets the oldest when there are too many, and all of a silent key', () => {
  const run = new OperatorRun(deduplicating<Sample>({ by: ({ id }) => id, within, max: 2 }))
  run.addAll([sample(1, 1), sample(2, 2), sample(3, 3), sample(4, 1), sample(5, 3)])
  assert.equal(
    run.results.map(({ time }) => time),
    [1, 2, 3, 4],
  )
  assert.is(run.timerAt, 5 + 2 * within)
  run.wake()
  assert.is(run.state, undefined)
  assert.is(run.timerAt, undefined)
})

Deduplicate('gives a record up that has nothing to tell it by', () => {
  const run = new OperatorRun(deduplicating<Sample>({ by: () => undefined as unknown as string, within }))
  assert.throws(() => run.add(sample(1, 1)), 'tells no record from another')
  assert.throws(() => deduplicate({ by: String, within: '1s', max: 0 }), 'max must be')
})

Deduplicate.run()

const MovingAverage = suite('moving average')
const over = 50

MovingAverage('is the mean of the newest records of the time, in whatever order they come', () => {
  fc.assert(
    fc.property(arrivals(over - 1), records => {
      const run = new OperatorRun(averaging<Sample>({ over, of: ({ id }) => id })).live(records)
      const expected = records.map((_, index) => {
        const come = records.slice(0, index + 1)
        const newest = Math.max(...come.map(({ time }) => time))
        return mean(come.filter(({ time }) => time > newest - over).map(({ id }) => id))
      })
      assert.equal(run.results.map(round), expected.map(round))
      assert.equal(run.late, [])
    }),
  )
})

MovingAverage('is the mean of the last records by event time', () => {
  fc.assert(
    fc.property(arrivals(30), fc.integer({ min: 1, max: 8 }), (records, last) => {
      const operator = averaging<Sample, { mean: number; n: number }>({
        last,
        of: ({ id }) => id,
        result: (mean, { n }) => ({ mean, n }),
      })
      const run = new OperatorRun(operator).addAll(records)
      const expected = records.flatMap((record, index) => {
        const kept = records
          .slice(0, index + 1)
          .toSorted((a, b) => a.time - b.time)
          .slice(-last)
        return kept.includes(record) ? [{ mean: mean(kept.map(({ id }) => id)), n: record.n }] : []
      })
      assert.equal(run.results, expected)
      assert.is(run.late.length, records.length - expected.length)
      assert.is(run.timerAt, undefined)
    }),
  )
})

MovingAverage('keeps nothing of a key that was silent for the time', () => {
  const run = new OperatorRun(averaging<Sample>({ over, of: ({ id }) => id })).addAll([sample(1, 1)])
  assert.is(run.timerAt, 1 + 2 * over)
  run.wake()
  assert.is(run.state, undefined)
})

MovingAverage('refuses what it can not average', () => {
  const run = new OperatorRun(averaging<Sample>({ last: 2, of: () => Number.NaN }))
  assert.throws(() => run.add(sample(1, 1)), "of gave NaN, which can't be averaged")
  assert.throws(() => movingAverage({ of: Number }), 'movingAverage needs last or over')
  assert.throws(() => movingAverage({ of: Number, last: 0 }), 'last must be')
})

const round = (mean: number) => Math.round(mean * 1e9)

MovingAverage.run()
