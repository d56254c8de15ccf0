import fc from 'fast-check'
import type { Operator, Step } from '../../runtime/windows/operator.ts'

/** A record of the tests: `n` tells it from all others. */
export interface Sample {
  n: number
  /** Event time. */
  time: number
  /** The clock when it came. */
  now: number
  from: 'left' | 'right'
  id: number
}

/** Records in the order of their arrival, none further behind the newest than `latenessMs`. The clock is that of a live
 *  stream: a record comes at most `latenessMs` after its event. */
export const arrivals = (latenessMs: number, spanMs = 400) =>
  fc
    .array(
      fc.record({
        time: fc.integer({ min: 0, max: spanMs }),
        delay: fc.integer({ min: 0, max: latenessMs }),
        from: fc.constantFrom('left' as const, 'right' as const),
        id: fc.integer({ min: 0, max: 3 }),
      }),
      { maxLength: 60 },
    )
    .map(records =>
      records
        .map(({ delay, ...record }, n): Sample => ({ ...record, n, now: record.time + delay }))
        .sort((a, b) => a.now - b.now),
    )

/** Runs a helper's logic for one key, its state as JSON between any two steps, as a host keeps it. */
export class OperatorRun<Out, State> {
  readonly results: Out[] = []
  readonly late: Sample[] = []
  readonly states: State[] = []
  timerAt: number | undefined
  #operator: Operator<Sample, Out, State>
  #state: string | undefined

  constructor(operator: Operator<Sample, Out, State>) {
    this.#operator = operator
  }

  get state(): State | undefined {
    return this.#state === undefined ? undefined : (JSON.parse(this.#state) as State)
  }

  add(record: Sample) {
    const { time, now, from } = record
    const step = this.#operator.add(this.state, record, { time, now, from, key: 'k' })
    if (step.late) this.late.push(record)
    this.#take(step)
  }

  addAll(records: readonly Sample[]): this {
    for (const record of records) this.add(record)
    return this
  }

  /** Lets the clock come to each record in turn: what is due before it fires before it. */
  live(records: readonly Sample[]): this {
    for (const record of records) {
      while (this.timerAt !== undefined && this.timerAt <= record.now) this.wake()
      this.add(record)
    }
    return this
  }

  wake() {
    const state = this.state
    if (state !== undefined) this.#take(this.#operator.wake!(state, this.timerAt!, 'k'))
  }

  /** Lets time pass until nothing is left to wait for. */
  silence(): this {
    for (let wakes = 0; this.timerAt !== undefined; wakes++) {
      if (wakes > 10_000) throw new Error('it wakes for ever')
      this.wake()
    }
    return this
  }

  #take({ state, results, timerAt }: Step<State, Out>) {
    this.#state = state === undefined ? undefined : JSON.stringify(state)
    this.timerAt = timerAt
    this.results.push(...results)
    if (state !== undefined) this.states.push(state)
  }
}
