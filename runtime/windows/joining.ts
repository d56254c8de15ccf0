import { type Duration, lengthOf } from './duration.ts'
import type { Operator, Step } from './operator.ts'
import { Patience, type PatienceOptions } from './patience.ts'

export interface JoinOptions<Left, Right, Out> extends PatienceOptions {
  /** The input as `from:` in `dataflow.yaml` names it: `orders`, `average.hot`. */
  left: string
  right: string
  /** How far apart in event time two records of a pair may be. */
  within: Duration
  /** How far a record may lie behind the newest of its key, on either input. Default: `within`. */
  lateness?: Duration
  /** The record that leaves for a pair; `undefined`: none. */
  match: (left: Left, right: Right) => Out
  /** The record that leaves for one of the left input that found no other in time (a left outer join). */
  unmatchedLeft?: (left: Left) => Out
  /** The same for the right input. */
  unmatchedRight?: (right: Right) => Out
  /** How many records wait on each side of a key. When there are more, the time of the oldest is over. Default 1,000. */
  max?: number
}

/** Kept for each key. */
export interface JoinState<Left, Right> {
  watermark: number
  left: Waiting<Left>[]
  right: Waiting<Right>[]
}

/** Oldest first. `matched`: 1 when it was in a pair. */
export type Waiting<T> = [time: number, record: T, matched: 0 | 1]

export function joining<Left, Right, Out>(
  options: JoinOptions<Left, Right, Out>,
): Operator<Left | Right, Exclude<Out, undefined>, JoinState<Left, Right>> {
  type State = JoinState<Left, Right>
  type Result = Exclude<Out, undefined>
  const { left, right, match, unmatchedLeft, unmatchedRight, max = 1_000 } = options
  if (left === right) throw new TypeError(`join needs two inputs, and left and right are both ${left}`)
  if (!Number.isInteger(max) || max < 1) throw new TypeError('max must be a whole number from 1')
  const within = lengthOf('within', options.within)
  const patience = new Patience({ ...options, lateness: options.lateness ?? options.within })

  /** The last instant at which its partner may lie is `within` later: so its time is over just after. */
  const endOf = ([time]: Waiting<unknown>) => time + within + 1
  const due = (state: State) => {
    const ends = [...state.left.slice(0, 1), ...state.right.slice(0, 1)].map(endOf)
    return ends.length === 0 ? undefined : Math.min(...ends)
  }

  /** Takes out what waits no longer. */
  function expire(state: State, watermark: number): { state: State; results: Out[] } {
    const isGone = <T>(waiting: Waiting<T>, index: number, side: Waiting<T>[]) =>
      endOf(waiting) <= watermark || index < side.length - max
    const kept = <T>(side: Waiting<T>[]) => side.filter((...waiting) => !isGone(...waiting))
    const alone = <T>(side: Waiting<T>[], result: ((record: T) => Out) | undefined) =>
      result ? side.filter(isGone).flatMap(([, record, matched]) => (matched ? [] : [result(record)])) : []
    return {
      state: { watermark, left: kept(state.left), right: kept(state.right) },
      results: [...alone(state.left, unmatchedLeft), ...alone(state.right, unmatchedRight)],
    }
  }

  /** @returns both sides with the pairs marked, and what the pairs give */
  function meet<Own, Other>(
    own: Waiting<Own>[],
    others: Waiting<Other>[],
    record: Own,
    time: number,
    pair: (other: Other) => Out,
  ) {
    const partners = others.filter(([each]) => Math.abs(each - time) <= within)
    const at = own.findLastIndex(([each]) => each <= time) + 1
    return {
      own: own.toSpliced(at, 0, [time, record, partners.length > 0 ? 1 : 0]),
      others: others.map((each): Waiting<Other> => (partners.includes(each) ? [each[0], each[1], 1] : each)),
      results: partners.map(([, other]) => pair(other)),
    }
  }

  function put(
    state: State,
    record: Left | Right,
    from: string | undefined,
    time: number,
  ): { state: State; results: Out[] } {
    if (from === left) {
      const one = record as Left
      const { own, others, results } = meet(state.left, state.right, one, time, other => match(one, other))
      return { state: { ...state, left: own, right: others }, results }
    }
    if (from === right) {
      const one = record as Right
      const { own, others, results } = meet(state.right, state.left, one, time, other => match(other, one))
      return { state: { ...state, left: others, right: own }, results }
    }
    throw new TypeError(`a record came from ${from}, and the inputs of this join are ${left} and ${right}`)
  }

  const given = (results: Out[]) => results.filter(each => each !== undefined) as Result[]

  return {
    add(before, record, { time, now, from }): Step<State, Result> {
      const watermark = patience.watermark(before?.watermark, time)
      const state = before ?? { watermark, left: [], right: [] }
      if (time < watermark)
        return { state, results: [], late: true, timerAt: patience.afterRecord(now, watermark, due(state)) }
      const met = put(state, record, from, time)
      const left = expire(met.state, watermark)
      const timerAt = patience.afterRecord(now, watermark, due(left.state))
      return { state: left.state, results: given([...met.results, ...left.results]), timerAt }
    },

    wake(state, at): Step<State, Result> {
      const watermark = due(state)
      if (watermark === undefined) return { state: undefined, results: [], timerAt: undefined }
      const left = expire(state, watermark)
      return {
        state: left.state,
        results: given(left.results),
        timerAt: patience.afterTimer(at, watermark, due(left.state)),
      }
    },
  }
}
