import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Context, movingAverage, tumbling } from '../runtime/index.ts'
import type { Handler } from '../runtime/windows/handler.ts'

const perMinute = tumbling({
  size: '1m',
  start: () => 0,
  add: (n, _record: string) => n + 1,
  result: (n, { start }, key) => (n > 1 ? `${key} ${start} ${n}` : undefined),
})

type State = typeof perMinute extends Handler<string, string, infer S> ? S : never

/** Calls a function as a person's own test does, with a context written by hand. */
function contextOf(record: Partial<Context['record']>, state?: State) {
  const seen = { late: [] as unknown[], timers: [] as (number | undefined)[] }
  const ctx = {
    record: { id: 'a', key: 'attic', source: 'in', time: 0, ...record },
    state,
    emit: (output: string, value: unknown) => seen[output as 'late'].push(value),
    timer: (at: number | undefined) => void seen.timers.push(at),
  } as unknown as Parameters<typeof perMinute>[1]
  return { ctx, seen }
}

const Helper = suite('a helper as a function')

Helper('keeps its state in ctx.state, and sets the timer of the key from the clock', () => {
  const { ctx, seen } = contextOf({ time: 10_000 })
  const before = Date.now()
  assert.equal(perMinute('a', ctx), [])
  const [at] = seen.timers
  assert.ok(at! >= before + 50_000 && at! <= Date.now() + 50_000)
  assert.equal(ctx.state, { watermark: 10_000, open: [[0, 60_000, 1]] })
})

Helper('gives what has closed, without what is undefined', () => {
  const one: State = { watermark: 10_000, open: [[0, 60_000, 1]] }
  assert.equal(perMinute('b', contextOf({ time: 60_000 }, one).ctx), [])
  const two: State = { watermark: 10_000, open: [[0, 60_000, 2]] }
  assert.equal(perMinute('b', contextOf({ time: 60_000 }, two).ctx), ['attic 0 2'])
})

Helper('sends what is too late to the output late', () => {
  const { ctx, seen } = contextOf({ time: 59_999 }, { watermark: 60_000, open: [] })
  assert.equal(perMinute('old', ctx), [])
  assert.equal(seen.late, ['old'])
})

Helper('wakes by the instant that the timer was set to, not by the clock', () => {
  const { ctx, seen } = contextOf(
    { time: 1_000, timer: true, source: 'timer' },
    { watermark: 10_000, open: [[0, 60_000, 2]] },
  )
  assert.equal(perMinute.timer(ctx), ['attic 0 2'])
  assert.equal(ctx.state, { watermark: 60_000, open: [] })
  assert.equal(seen.timers, [1_000 + 24 * 3_600_000])
  assert.equal(perMinute.timer(ctx), [])
  assert.is(ctx.state, undefined)
  assert.is(seen.timers.at(-1), undefined)
})

Helper('leaves the timer alone if it needs none', () => {
  const { ctx, seen } = contextOf({}) as unknown as {
    ctx: Parameters<typeof mean>[1]
    seen: { timers: unknown[] }
  }
  const mean = movingAverage({ last: 3, of: (n: number) => n })
  assert.equal(mean(4, ctx), [4])
  assert.equal(mean.timer(ctx), [])
  assert.equal(ctx.state, [[0, 4]])
  assert.equal(seen.timers, [])
})

Helper.run()
