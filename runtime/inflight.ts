import type { Arrival } from './intake.ts'
import type { Pending } from './outbox.ts'
import type { Seq } from './record-id.ts'
import type { Snapshot } from './state.ts'
import type { Message } from './transport.ts'

/** One input message between its arrival and its acknowledgment. */
export interface Inflight extends Pending, Arrival {
  ack: () => void
  /** Of the topic and the payload. The message is let go of: what lives until its acknowledgment is costly garbage. */
  bytes: number
  /** An owner before may have had it: what it gave may have left. */
  seen?: true
  /** Records of it that are not through the handler. */
  records: number
  /** Records of it that are new. */
  taken: number
  /** By origin: its last record. */
  last: Map<string, Seq>
  /** By key: state as of its last record. */
  states: Map<string, Snapshot>
  /** Dead letters among its records. */
  letters: number
  /** Event time of its first and of its last record, ms. */
  first: number
  time: number
}

/** A message that is no records: nothing is to be done but to acknowledge it. */
const nothing: Arrival = { lane: '' }

export const inflightOf = ({ ack, topic, payload }: Message, arrival = nothing): Inflight => ({
  ack,
  bytes: topic.length + payload.length,
  lane: arrival.lane,
  ...(arrival.from !== undefined && { from: arrival.from }),
  ...(arrival.timers && { timers: true }),
  ...(arrival.replayOf !== undefined && { replayOf: arrival.replayOf }),
  ...(arrival.replay !== undefined && { replay: arrival.replay }),
  ...(arrival.mark !== undefined && { mark: arrival.mark }),
  records: 0,
  taken: 0,
  outputs: 0,
  last: new Map(),
  states: new Map(),
  letters: 0,
  first: 0,
  time: 0,
})

/** Nothing of it is under way any more: it may be committed. */
export const isDone = (one: Inflight) => one.records === 0 && one.outputs === 0
