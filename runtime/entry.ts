import type { RecordInfo } from './context.ts'
import type { EdgeRecord } from './frame.ts'
import type { Inflight } from './inflight.ts'
import { printId, sourceOf } from './record-id.ts'
import { following, type State, type StateChange } from './state.ts'

/** A record on its way through a partition. */
export interface Entry {
  record: EdgeRecord
  inflight: Inflight
  /** Its origin once it has come through this partition's lane. */
  origin: string
}

/** Its id as users see it. */
export const idOf = ({ origin, record }: Entry) => printId({ origin, seq: record.seq })

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
