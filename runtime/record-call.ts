import type { RecordInfo } from './context.ts'
import { type Entry, idOf } from './handling.ts'
import type { Call } from './invoke.ts'
import { sourceOf } from './record-id.ts'
import { following, type State, type StateChange } from './state.ts'

/** What the handler is called with for one record; most of it is made only when the handler asks for it. */
export class RecordCall implements Call {
  readonly value: unknown
  readonly shared: boolean
  readonly guarded: boolean
  readonly timer: boolean
  #entry: Entry
  #state: State

  constructor(entry: Entry, state: State, shared: boolean, guarded: boolean) {
    this.value = entry.record.value
    this.shared = shared
    this.guarded = guarded
    this.timer = entry.inflight.timers === true
    this.#entry = entry
    this.#state = state
  }

  info(): RecordInfo {
    const { record, origin, inflight } = this.#entry
    const { key, time, topic } = record
    return {
      id: inflight.replayOf ?? idOf(this.#entry),
      time,
      source: sourceOf(origin),
      ...(key !== undefined && { key }),
      ...(topic !== undefined && { topic }),
      ...(inflight.from !== undefined && { from: inflight.from }),
      ...(inflight.timers && { timer: true as const }),
      ...(inflight.replayOf !== undefined && { replay: true as const }),
    }
  }

  read(): unknown {
    return this.#state.read(this.#entry.record.key ?? '')
  }

  write(change: StateChange) {
    changeState(this.#state, this.#entry, change)
  }
}

/** Changes the state of a record's key, to be stored when its message is committed. */
export function changeState(state: State, { inflight, record, origin }: Entry, change: StateChange) {
  const snapshot = state.write(record.key ?? '', change, origin, record.seq)
  if (snapshot) inflight.states.set(snapshot.key, following(inflight.states.get(snapshot.key), snapshot))
}
