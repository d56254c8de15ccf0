import type { RecordInfo } from './context.ts'
import { type Entry, idOf } from './handling.ts'
import type { Call } from './invoke.ts'
import type { Parked } from './parking.ts'
import { sourceOf } from './record-id.ts'
import { following, type State, type StateChange } from './state.ts'

interface Manner {
  shared: boolean
  guarded: boolean
  /** Instead of the record: one that waited. */
  parked?: Parked
}

/** What the handler is called with for one record; most of it is made only when the handler asks for it. */
export class RecordCall implements Call {
  readonly value: unknown
  readonly shared: boolean
  readonly guarded: boolean
  readonly timer: boolean
  #entry: Entry
  #state: State
  #parked: Parked | undefined

  constructor(entry: Entry, state: State, { shared, guarded, parked }: Manner) {
    this.value = parked ? parked.value : entry.record.value
    this.shared = shared
    this.guarded = guarded
    this.timer = entry.inflight.timers === true
    this.#entry = entry
    this.#state = state
    this.#parked = parked
  }

  info(): RecordInfo {
    return this.#parked?.info ?? infoOf(this.#entry)
  }

  read(): unknown {
    return this.#state.read(this.#entry.record.key ?? '')
  }

  write(change: StateChange) {
    changeState(this.#state, this.#entry, change)
  }
}

/** What users see of a record. */
export function infoOf(entry: Entry): RecordInfo {
  const { record, origin, inflight } = entry
  const { key, time, topic } = record
  return {
    id: inflight.replayOf ?? idOf(entry),
    time,
    source: sourceOf(origin),
    ...(key !== undefined && { key }),
    ...(topic !== undefined && { topic }),
    ...(inflight.from !== undefined && { from: inflight.from }),
    ...(inflight.timers && { timer: true as const }),
    ...(inflight.replayOf !== undefined && { replay: true as const }),
  }
}

/** Changes the state of a record's key, to be stored when its message is committed. */
export function changeState(state: State, { inflight, record, origin }: Entry, change: StateChange) {
  const snapshot = state.write(record.key ?? '', change, origin, record.seq)
  if (snapshot) inflight.states.set(snapshot.key, following(inflight.states.get(snapshot.key), snapshot))
}
