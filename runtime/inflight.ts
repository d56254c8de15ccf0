import type { Pending } from './outbox.ts'
import type { Snapshot } from './state.ts'
import type { Message } from './transport.ts'

/** One input message between its arrival and its acknowledgment. */
export interface Inflight extends Pending {
  message: Message
  lane: string
  /** Records of it that are not through the handler. */
  records: number
  /** By origin: its last record. */
  last: Map<string, string>
  /** By key: state as of its last record. */
  states: Map<string, Snapshot>
  /** Dead letters among its records. */
  letters: number
  /** It is a dead letter to be handled again: what tells this attempt from others. */
  replay?: string
  /** Event time of its last record, ms. */
  time: number
}

export const inflightOf = (message: Message, lane: string): Inflight => ({
  message,
  lane,
  records: 0,
  outputs: 0,
  last: new Map(),
  states: new Map(),
  letters: 0,
  time: 0,
})

/** Nothing of it is under way any more: it may be committed. */
export const isDone = (one: Inflight) => one.records === 0 && one.outputs === 0
