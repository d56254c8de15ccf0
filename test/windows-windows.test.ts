import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { session, sliding, tumbling } from '../runtime/index.ts'
import { aligned } from '../runtime/windows/aligned.ts'
import type { Operator } from '../runtime/windows/operator.ts'
import { Patience, type PatienceOptions } from '../runtime/windows/patience.ts'
import { sessions } from '../runtime/windows/session.ts'
import { type Assign, type WindowState, windowed } from '../runtime/windows/windowed.ts'
import { arrivals, OperatorRun, type Sample } from './support/operator-run.ts'

interface Closed {
  start: number
  end: number
  records: number[]
}

type Windows = Operator<Sample, Closed, WindowState<number[]>>

const gather = {
  start: (): number[] => [],
  add: (records: number[], { n }: Sample) => [...records, n],
  merge: (a: number[], b: number[]) => [...a, ...b],
}
const operatorOf = (assign: Assign<Sample, number[]>, patience: PatienceOptions): Windows =>
  windowed(
    assign,
    (records, { start, end }) => ({ start, end, records: records.toSorted((a, b) => a - b) }),
    new Patience(patience),
  )

const lateness = 40
const size = 60
const every = 25
const gap = 15

/** Each kind of window, and what it should give by looking at all records at once. */
const kinds: {
  kind: string
  make(patience: PatienceOptions): Windows
  model(records: Sample[]): Closed[]
  atMost: number
}[] = [
  {
    kind: 'tumbling',
    make: patience => operatorOf(aligned(size, size, gather), patience),
    model: records => everyWindow(records, size, size),
    atMost: Math.ceil((size + lateness) / size) + 1,
  },
  {
    kind: 'sliding',
    make: patience => operatorOf(aligned(size, every, gather), patience),
    model: records => everyWindow(records, size, every),
    atMost: Math.ceil((size + lateness) / every) + 1,
  },
  {
    kind: 'session',
    make: patience => operatorOf(sessions(gap, gather), patience),
    model: everySession,
    atMost: Math.ceil((gap + lateness) / gap) + 1,
  },
]

function everyWindow(records: Sample[], size: number, every: number): Closed[] {
  const windows: Closed[] = []
  for (let start = -10 * every; start <= 1_000; start += every) {
    const inside = records.filter(({ time }) => time >= start && time < start + size)
    if (inside.length > 0) windows.push({ start, end: start + size, records: numbersOf(inside) })
  }
  return windows
}

function everySession(records: Sample[]): Closed[] {
  const runs: Sample[][] = []
  for (const record of records.toSorted((a, b) => a.time - b.time)) {
    const run = runs.at(-1)
    if (run && record.time - run.at(-1)!.time < gap) run.push(record)
    else runs.push([record])
  }
  return runs.map(run => ({ start: run[0]!.time, end: run.at(-1)!.time + gap, records: numbersOf(run) }))
}

const numbersOf = (records: Sample[]) => records.map(({ n }) => n).sort((a, b) => a - b)
const sample = (time: number, n = 0): Sample => ({ n, time, now: time, from: 'left', id: 0 })
const farAhead = sample(100_000, -1)

for (const { kind, make, model, atMost } of kinds) {
  const Windows = suite(`${kind} windows`)

  Windows('count each record in exactly its windows, in whatever order they come within the lateness', () => {
    fc.assert(
      fc.property(arrivals(lateness), records => {
        const run = new OperatorRun(make({ lateness })).addAll(records).silence()
        assert.equal(run.results, model(records))
        assert.equal(run.late, [])
      }),
    )
  })

  Windows('close by a later record as they close by the clock', () => {
    fc.assert(
      fc.property(arrivals(lateness), records => {
        const byClock = new OperatorRun(make({ lateness })).addAll(records).silence()
        const byRecord = new OperatorRun(make({ lateness })).addAll(records)
        byRecord.add(farAhead)
        assert.equal(byRecord.results, byClock.results)
      }),
    )
  })

  Windows('lose nothing of a live stream to the clock', () => {
    fc.assert(
      fc.property(arrivals(lateness), records => {
        const run = new OperatorRun(make({ lateness })).live(records).silence()
        assert.equal(run.results, model(records))
        assert.equal(run.late, [])
      }),
    )
  })

  Windows('close once, and count a record or call it late, even when the clock closes them too soon', () => {
    fc.assert(
      fc.property(arrivals(lateness), fc.array(fc.integer({ min: 0, max: 60 })), (records, wakes) => {
        const run = new OperatorRun(make({ lateness }))
        for (const [index, record] of records.entries()) {
          run.add(record)
          if (wakes.includes(index) && run.state!.open.length > 0) run.wake()
        }
        run.silence()
        const counted = new Set(run.results.flatMap(({ records }) => records))
        assert.equal(counted.size + run.late.length, records.length)
        assert.is(
          run.late.some(({ n }) => counted.has(n)),
          false,
        )
        if (kind !== 'session')
          assert.is(new Set(run.results.map(({ start }) => start)).size, run.results.length)
      }),
    )
  })

  Windows('keep no more open than their size and lateness ask for', () => {
    fc.assert(
      fc.property(arrivals(lateness, 5_000), records => {
        for (const { open } of new OperatorRun(make({ lateness })).addAll(records).states)
          assert.ok(open.length <= atMost, `${open.length} open`)
      }),
    )
  })

  Windows('give the same for the same records, whatever the clock says', () => {
    fc.assert(
      fc.property(arrivals(lateness), fc.integer({ min: 0, max: 10_000_000 }), (records, shift) => {
        const now = new OperatorRun(make({ lateness })).addAll(records)
        const replayed = records.map(record => ({ ...record, now: record.now + shift }))
        const later = new OperatorRun(make({ lateness })).addAll(replayed)
        assert.equal(later.states, now.states)
        assert.equal(later.results, now.results)
      }),
    )
  })

  Windows('of old data that is replayed wait as long as those of a live stream', () => {
    const run = new OperatorRun(make({ lateness }))
    const now = 1_800_000_000_000
    for (let n = 0; n < 100; n++) {
      run.add({ n, time: n * 10, now: now + n, from: 'left', id: 0 })
      assert.ok(run.timerAt! > now + n, 'due at once')
      assert.ok(run.timerAt! <= now + n + size + lateness, 'due too late')
    }
  })

  Windows('forget a silent key after its retention', () => {
    const run = new OperatorRun(make({ lateness, retention: 1_000 })).addAll([
      { ...farAhead, time: 10, now: 10 },
    ])
    while (run.state!.open.length > 0) run.wake()
    const closedAt = run.timerAt! - 1_000
    assert.ok(closedAt >= 10 && closedAt <= 10 + size + lateness)
    run.wake()
    assert.is(run.state, undefined)
    assert.is(run.timerAt, undefined)
  })

  Windows('that the clock has closed stay closed: what still comes for them is late', () => {
    const first = sample(10)
    const run = new OperatorRun(make({ lateness })).addAll([first])
    while (run.state!.open.length > 0) run.wake()
    const closed = run.results.length
    run.add({ ...first, n: 1 })
    assert.equal(run.late, [{ ...first, n: 1 }])
    assert.is(run.results.length, closed)
  })

  Windows('wait by the clock at least as long as idle says', () => {
    const run = new OperatorRun(make({ lateness, idle: 5_000 }))
    run.add(sample(10))
    assert.is(run.timerAt, 5_010)
  })

  Windows.run()
}

const Options = suite('options of windows')
const count = {
  start: () => 0,
  add: (n: number) => n + 1,
  merge: (a: number, b: number) => a + b,
  result: (n: number) => n,
}

for (const [problem, make] of [
  ['size must be longer', () => tumbling({ ...count, size: 0 })],
  ['size: 1 minute is not', () => tumbling({ ...count, size: '1 minute' as '1m' })],
  ['lateness: -1 is not', () => tumbling({ ...count, size: '1m', lateness: -1 })],
  ['every must not be longer', () => sliding({ ...count, size: '1m', every: '2m' })],
  ['every must be at least', () => sliding({ ...count, size: '1h', every: '1s' })],
  ['gap must be longer', () => session({ ...count, gap: '0s' })],
] as [string, () => unknown][]) {
  Options(`are refused where the function loads: ${problem}`, () => {
    assert.throws(make, (error: Error) => error instanceof TypeError && error.message.includes(problem))
  })
}

Options.run()
