/** Everything there is: what the broker keeps, who owns the partition, what its consumer has seen. Plain JSON. */
export interface World {
  /** By lane: records that its producer has sent, and the last number it used. */
  sent: Record<string, { records: number; number: number }>
  rewired: boolean
  /** The session of the partition: messages that are not acknowledged, oldest first. */
  queue: Message[]
  /** How many of them the connection of now has got. */
  delivered: number
  /** How many of them any connection has ever got: only these can have had an effect. */
  opened: number
  retained: { cursor: Cursor; states: Record<string, StateDocument>; wiring: number }
  owner: Owner
  /** Who owned it before, kept only where a mistake lets it go on. */
  former?: Owner
  /** By stream and origin: the last id that its consumer took. */
  taken: Record<string, number>
  /** What took effect behind the partition, in order. */
  effects: Effect[]
  left: { takeovers: number; repeats: number; sourceCrashes: number; reconnects: number }
}

export type Message = { lane: string; seq: number; item: string } | { wiring: number }

export interface Cursor {
  /** By lane: the last record that is finished. */
  lanes: Record<string, number>
  commit: number
  keys: number
  wiring: number
}

export interface StateDocument {
  /** The record that made the key, if it was newer than the cursor of that time. */
  born: Record<string, number>
  /** The records that the value includes, as far as they are newer than the cursor of that time. */
  includes: Record<string, number>
  /** Numbers of the commits that wrote it last, and first: only mistakes go by them. */
  commit: number
  bornIn: number
  /** Absent: the key was deleted. */
  value?: string
}

/** An output, and what it says about the state that it came from. */
export interface Effect {
  item: string
  key: string
  value: string
}

export interface Output extends Effect {
  /** The wiring that sent it there: another one has other consumers. */
  stream: number
  origin: string
  seq: number
}

export type Packet =
  | { outputs: Output[] }
  | { key: string; document?: StateDocument }
  | { cursor: Cursor; why: 'start' | 'commit' | 'wiring' }
  | { wiring: number }
  | { ack: string }

/** The memory of a host that runs the partition. */
export interface Owner {
  /** Packets that the broker has not taken over. */
  wire: Packet[]
  starting: boolean
  /** Takes no message in until the next wiring is in effect. */
  holding: boolean
  cursor: Cursor
  accepted: Record<string, number>
  cells: Record<string, Cell>
  /** State in the broker, as far as it knows. */
  documents: Record<string, StateDocument>
  wiring: number
  /** Outputs that wait while a frame is on its way. */
  outbox: Output[]
  sending: boolean
  inflight: Inflight[]
  commit?: { batch: number; number: number; phases: Phase[]; waiting: number }
}

export interface Cell {
  value?: string
  includes: Record<string, number>
}

export interface Inflight {
  origin: string
  seq: number
  key: string
  outputs: number
  /** To be acknowledged. */
  message: string
  snapshot?: { value?: string; includes: Record<string, number> }
}

export type Phase = 'outputs' | 'state' | 'cursor' | 'clear' | 'ack'

/** What the producers send, and what may go wrong. */
export interface Scenario {
  /** By lane: the key of each record, and what the function does with it. */
  records: Record<string, [key: string, what: Operation][]>
  takeovers: number
  /** What is done is committed at once, where there are too many states otherwise. */
  isPrompt?: true
  /** How often a producer sends its last record again, after a crash of its own. */
  repeats?: number
  sourceCrashes?: number
  rewire?: boolean
}

export type Operation = 'add' | 'three' | `set ${string}`

/** Each is a protocol that somebody might take for right. */
export type Mistake =
  | 'ack before cursor'
  | 'ack before state'
  | 'state before outputs'
  | 'cursor before state'
  | 'the former owner reconnects'
  | 'the former owner is not refused'
  | 'ids restart after a crash'
  | 'ids compared across lanes'
  | 'ids given on arrival'
  | 'key state without includes'
  | 'includes told by commit number'
  | 'keys counted by commit number'
  | 'includes forgotten once the value is stored'
  | 'includes only what changed the value'
  | 'deleted keys cleared before the cursor covers them'
  | 'streams changed in flight'

export const initial = ({ records, takeovers, ...more }: Scenario): World => {
  const lanes = Object.fromEntries(Object.keys(records).map(lane => [lane, 0]))
  const cursor = { lanes, commit: 0, keys: 0, wiring: 1 }
  return {
    sent: Object.fromEntries(Object.keys(records).map(lane => [lane, { records: 0, number: 0 }])),
    rewired: false,
    queue: [],
    delivered: 0,
    opened: 0,
    retained: { cursor, states: {}, wiring: 1 },
    owner: {
      wire: [],
      starting: false,
      holding: false,
      cursor,
      accepted: lanes,
      cells: {},
      documents: {},
      wiring: 1,
      outbox: [],
      sending: false,
      inflight: [],
    },
    taken: {},
    effects: [],
    left: {
      takeovers,
      repeats: more.repeats ?? 0,
      sourceCrashes: more.sourceCrashes ?? 0,
      reconnects: 1,
    },
  }
}

/** Sets a field and keeps fields in order, so that equal worlds have equal JSON. */
export function put<Value>(fields: Record<string, Value>, name: string, value: Value) {
  fields[name] = value
  const sorted = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [key] of sorted) delete fields[key]
  Object.assign(fields, Object.fromEntries(sorted))
}
