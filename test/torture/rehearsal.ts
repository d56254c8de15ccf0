import type { Arrived } from './checker.ts'
import join from './flow/functions/join.ts'
import left from './flow/functions/left.ts'
import pulse, { timer } from './flow/functions/pulse.ts'
import stamp, { type Stamped } from './flow/functions/stamp.ts'
import tally from './flow/functions/tally.ts'
import type { Entered } from './records.ts'

/** A record on its way, with the id that it has there. */
interface Moving<T> {
  id: string
  value: T
}

export type Place = 'stamp' | 'left' | 'join' | 'tally' | 'pulse' | 'sink'

interface Meddling {
  /** Changes what arrives at a place, in its order. */
  arrivals?(place: Place, list: Moving<unknown>[]): Moving<unknown>[]
  /** Changes the state of a key before a record is handled. */
  state?(place: Place, key: string, state: unknown, nth: number): unknown
}

/**
 * The dataflow without anything that makes it run: its own functions, called one after the other. What is done to
 * the records on their way is what a runtime with a fault would do.
 * @returns what reaches the sink
 */
export async function rehearse(records: Entered[], meddling: Meddling = {}): Promise<Arrived[]> {
  const arrive = <T>(place: Place, list: Moving<T>[]) =>
    (meddling.arrivals?.(place, list) ?? list) as Moving<T>[]
  const odd: Moving<Arrived>[] = []
  const due = new Set<string>()
  const stage = (place: Place) => {
    const states = new Map<string, unknown>()
    let nth = 0
    return (key: string, id: string) => {
      nth += 1
      const before = states.get(key)
      const record = { id, time: 0, source: 'entry' }
      const { signal } = new AbortController()
      const state = meddling.state ? meddling.state(place, key, before, nth) : before
      const context = { record, state, signal, env: {}, log: console, emit, timer: () => due.add(key) }
      return { context, keep: () => states.set(key, context.state) }
    }
    function emit(_: 'odd', value: unknown) {
      odd.push({ id: '', value: structuredClone(value) as Arrived })
    }
  }
  const give = async <I, O>(
    place: Place,
    list: Moving<I>[],
    keyOf: (value: I) => string,
    call: (value: I, context: never) => Promise<O | undefined> | O | undefined,
  ): Promise<Moving<O>[]> => {
    const enter = stage(place)
    const given: Moving<O>[] = []
    for (const { id, value } of arrive(place, list)) {
      const { context, keep } = enter(keyOf(value), id)
      const output = await call(structuredClone(value), context as never)
      keep()
      if (output !== undefined) given.push({ id, value: output })
    }
    return given
  }

  const entered = records.map((value, i) => ({ id: `entry:${i}`, value }))
  const stamped = await give('stamp', entered, ({ k }) => k, stamp)
  const lefts = []
  const enterLeft = stage('left')
  for (const { id, value } of arrive('left', stamped)) {
    const { context, keep } = enterLeft(value.k, id)
    const handle = async () => {
      const parts = []
      for await (const part of left(structuredClone(value), context as never)) parts.push({ id, value: part })
      return parts
    }
    lefts.push(...(await handle().catch(handle))) // its first attempt may fail
    keep()
  }
  const rights = stamped.map(({ id, value }) => ({ id, value: rightOf(value) }))
  const joined = await give('join', [...lefts, ...rights], ({ k }) => k, join)
  const tallied = await give('tally', joined, ({ g }) => g, tally)
  // Its timers are due after every seventh record of a partition.
  const pulses: Moving<Arrived>[] = []
  const enterPulse = stage('pulse')
  const tell = () => {
    for (const k of due) {
      const { context, keep } = enterPulse(k, '')
      const value = timer(Object.assign(context, { record: { ...context.record, key: k } }) as never)
      if (value) pulses.push({ id: '', value })
      keep()
    }
    due.clear()
  }
  for (const [i, { id, value }] of arrive('pulse', joined).entries()) {
    const { context, keep } = enterPulse(value.k, id)
    pulse(structuredClone(value), context as never)
    keep()
    if (i % 7 === 6) tell()
  }
  tell()
  const sink = arrive<Arrived>('sink', [...joined, ...tallied, ...pulses])
  return [...sink, ...odd].map(({ value }) => value)
}

/** `right` without its first attempts that fail. */
const rightOf = (value: Stamped) => ({ ...value, part: 'right' as const, hash: 3 })
