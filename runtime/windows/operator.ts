/** What one record or one timer comes to. */
export interface Step<State, Out> {
  /** `undefined`: nothing is left to know of this key. */
  state: State | undefined
  results: Out[]
  /** The record came too late to count. */
  late?: true
  /** When to wake if nothing comes before, by the clock; `undefined`: never. */
  timerAt: number | undefined
}

/** Where and when a record came. */
export interface Arrival {
  /** Event time. */
  time: number
  /** The clock, which decides about `timerAt` and nothing else: so a record handled again gives the same. */
  now: number
  /** '' where the function has no key. */
  key: string
  from?: string
}

/** The logic of a helper for one key, pure: state in, state out. */
export interface Operator<In, Out, State> {
  add(state: State | undefined, record: In, arrival: Arrival): Step<State, Out>
  /** The key's timer is due. `at`: the instant it was set to, which is the same however late it fires. Absent: the
   *  helper needs no timer. */
  wake?(state: State, at: number, key: string): Step<State, Out>
}
