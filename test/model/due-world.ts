/** Everything there is: what the broker keeps, who owns the partition, what its consumer has seen. Plain JSON. */
export interface World {
  /** Records that the producer has sent. */
  sent: number
  /** The session of the partition: messages that are not acknowledged, oldest first. */
  queue: Message[]
  /** How many of them the owner of now has opened. */
  opened: number
  retained: { cursor: Cursor; states: Record<string, Document> }
  owner: Owner
  /** By lane: the last id that the consumer took. */
  taken: Record<string, number>
  /** What took effect behind the partition, in order. */
  effects: Effect[]
  left: { takeovers: number; failures: number }
}

/** On `in` what producers send; on the others what a partition tells itself when it is due. */
export type Lane = 'in' | DueLane
export type DueLane = 'timer' | 'retry'

/** A record; the timer of a key, or the next attempt at what waits of it, with the instant that it was set to; or the
 *  first message of an owner, with its number. */
export type Message = { lane: Lane; seq: number; item: string; key: string; at: number } | { mark: number }

export interface Cursor {
  /** By lane: the last number that is finished. */
  lanes: Record<Lane, number>
  /** By lane: numbers that are reserved for what is due. */
  told: Record<DueLane, number>
  /** Records that have failed and wait, which `lanes` does not say yet, as `lane.seq`. */
  failed: string[]
}

/** The state of a key. */
export interface Value {
  /** What took effect, in order. */
  list: string
  /** 0: none is set. */
  timer: number
  /** Records that wait for an attempt, the first of which is due at this instant; 0: none waits. */
  at: number
  waiting: string[]
}

export interface Document {
  value: Value
  /** By lane: the last number that the value includes, as far as it is newer than the cursor of that time. */
  includes: Partial<Record<Lane, number>>
}

export interface Effect {
  item: string
  key: string
  list: string
}

export type Packet =
  | { output: Effect; lane: Lane; seq: number }
  | { key: string; document: Document }
  | { cursor: Cursor; why: 'commit' | 'failure' | 'late' | DueLane }
  | { tells: Message }
  | { acks: number }

/** The memory of a host that runs the partition. */
export interface Owner {
  /** Packets that the broker has not taken over. */
  wire: Packet[]
  /** Its mark is not in the session yet: it opens nothing. */
  starting: boolean
  /** Its own mark, until that has come back: an owner before may have had what comes. 0: all that comes is new. */
  mark: number
  /** Cursors that must be stored before it opens the next message. */
  holds: number
  cursor: Cursor
  accepted: Record<Lane, number>
  cells: Record<string, Document>
  inflight: Inflight[]
  /** The commit under way: messages in it, and packets that it waits for. */
  commit: { batch: number; waiting: number; phase: 'state' | 'cursor' } | null
  /** By lane and key: the instants of which nothing has been told. */
  set: Record<DueLane, Record<string, number>>
  /** By lane: the last number that was used. */
  last: Record<DueLane, number>
  /** By lane: what is on its way to the session. */
  telling: Record<DueLane, { key: string; at: number } | null>
}

/** A message between its arrival and its acknowledgment. */
export interface Inflight {
  lane: Lane
  /** 0: nothing new. */
  seq: number
  key: string
  outputs: number
  /** State of its key as it left it, if it changed that. */
  snapshot: Document | null
}

/** What the producer sends, and what may go wrong. */
export interface Scenario {
  /** The key of each record, and what the function does with it: it may set or clear the key's timer. */
  records: [key: string, what: 'add' | 'clear' | { timer: number }][]
  /** `retry.order`. */
  relaxed?: true
  /** Records that come later; the others are in the session at the beginning. */
  late?: number
  takeovers: number
  /** How often the function throws. */
  failures?: number
}

/** Each is a protocol that somebody might take for right. */
export type Mistake = RelaxedMistake | TimerMistake

export type RelaxedMistake =
  | 'a record passes before the failure is named'
  | 'a failure that was named is looked at again'
  | 'what comes again is taken for new'
  | 'the mark of another owner is taken for its own'
  | 'attempts have the number of the record'
  | 'a record passes one of its key that waits'
  | 'what waits is kept in memory'

export type TimerMistake =
  | 'numbers begin anew with each owner'
  | 'numbers are told before they are reserved'
  | 'what was set before is not told again'
  | 'what is due has no place among the records'
  | 'a timer fires whatever is set now'
  | 'a timer that was told twice fires twice'
  | 'what a key includes is forgotten'

const none = { in: 0, timer: 0, retry: 0 }

export const emptyCursor: Cursor = { lanes: { ...none }, told: { timer: 0, retry: 0 }, failed: [] }

export const emptyValue: Value = { list: '', timer: 0, at: 0, waiting: [] }

export const emptyOwner = (cursor: Cursor): Owner => ({
  wire: [],
  starting: false,
  mark: 0,
  holds: 0,
  cursor: structuredClone(cursor),
  accepted: { ...cursor.lanes },
  cells: {},
  inflight: [],
  commit: null,
  set: { timer: {}, retry: {} },
  last: { ...cursor.told },
  telling: { timer: null, retry: null },
})

export const recordAt = ({ records }: Scenario, seq: number): Message => ({
  lane: 'in',
  seq,
  item: `r${seq}`,
  key: records[seq - 1]![0],
  at: 0,
})

export const initial = (scenario: Scenario): World => {
  const sent = scenario.records.length - (scenario.late ?? 0)
  return {
    sent,
    queue: Array.from({ length: sent }, (_, i) => recordAt(scenario, i + 1)),
    opened: 0,
    retained: { cursor: structuredClone(emptyCursor), states: {} },
    owner: emptyOwner(emptyCursor),
    taken: {},
    effects: [],
    left: { takeovers: scenario.takeovers, failures: scenario.failures ?? 0 },
  }
}
