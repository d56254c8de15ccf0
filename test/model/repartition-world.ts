/** Everything there is while the partitions of a function are cut anew. Plain JSON. */
export interface World {
  producers: Record<string, Producer>
  /** What the function's wiring says. */
  wired: 'old' | 'next' | 'last' | 'new'
  /** The wiring of producers names the new partitions. */
  told: boolean
  /** How far the controller is with what it does now: it forgets that when it dies. */
  controller: number
  /** By name of the partition: messages that are not acknowledged, oldest first. */
  sessions: Record<string, Message[]>
  cursors: Record<string, Cursor>
  /** Partitions whose last wiring is in effect. */
  lasts: string[]
  /** By key. */
  states: Record<string, Document>
  owners: Record<string, Owner>
  /** By partition of the function, as its consumer names it, and lane: the last id that the consumer took. */
  taken: Record<string, number>
  effects: Effect[]
  left: { takeovers: number; producerCrashes: number; controllerCrashes: number; sleepers: number }
}

/** A partition of a producer. */
export interface Producer {
  /** Its host died, and the next one has not come. */
  away: boolean
  sent: number
  /** What it has stored as sent: its successor sends again what is behind it. */
  done: number
  /** It sends to the new partitions; stored. */
  switched: boolean
}

/** A record, or the timer of a key; or the wiring behind which nothing comes. */
export type Message = { lane: string; seq: number; item: string; key: string } | 'last'

export interface Cursor {
  lanes: Record<string, number>
  /** Keys with stored state. */
  keys: number
  /** Numbers given to timers. */
  told: number
  round: number
  ended: boolean
  /** Once ended: how many of its keys each new partition gets. */
  heirs: number[]
}

export interface Document {
  list: string
  timer: boolean
  /** The record that made it. */
  born: { lane: string; seq: number }
  includes: Record<string, number>
}

export interface Effect {
  item: string
  key: string
  list: string
}

/** The memory of who has a partition. */
export interface Owner {
  cursor: Cursor
  accepted: Record<string, number>
  cells: Record<string, Document>
  /** Messages of its session that it has opened. */
  opened: number
  inflight: Inflight[]
  /** Keys whose timer it has told itself. */
  told: string[]
}

export interface Inflight {
  lane: string
  /** 0: nothing new. */
  seq: number
  output: Effect | null
  document: Document | null
  stage: 'output' | 'state' | 'cursor'
}

export interface Scenario {
  from: Cut
  to: Cut
  /** By producer: the keys of its records, with `!` where the record sets the timer of its key. */
  records: Record<string, string[]>
  takeovers?: number
  producerCrashes?: number
  controllerCrashes?: number
  /** Hosts that slept through the change before, and wake with the wiring that was before it. */
  sleepers?: number
  /** The broker keeps no order among topics: the last wiring may come before what was sent earlier. */
  unordered?: true
}

export type Cut = 1 | 2

/** Each is a protocol that somebody might take for right. */
export type Mistake =
  | 'producers are told before the new sessions are open'
  | 'the new sessions are emptied once producers know them'
  | 'the end is told before every producer has switched'
  | 'a producer without a host is not waited for'
  | 'a partition ends while something is in flight'
  | 'an ended partition goes on'
  | 'the new partitions begin when one of the old has ended'
  | 'the new partitions begin before their cursors are written'
  | 'the old cursors go before the new ones are written'
  | 'new cursors know what one partition has finished'
  | 'new partitions count all keys'
  | 'numbers of timers begin anew'
  | 'a host that slept is let in'
  | 'sessions to come do not say their round'
  | 'a producer switches before what it sent is finished'

export const namesOf = (cut: Cut) => (cut === 1 ? ['0'] : ['0of2', '1of2'])

export const shardOf = (key: string, cut: number) => 'xy'.indexOf(key) % cut

/** How often the function's partitions were cut anew before. */
export const round = 1

export const keyOf = ({ records }: Scenario, lane: string, seq: number) => records[lane]![seq - 1]![0]!

/** The user's function. */
export function call(
  { records }: Scenario,
  { lane, seq, item }: Exclude<Message, 'last'>,
  before?: Document,
) {
  const list = `${before?.list ?? ''}${item} `
  if (lane === 'timer') return { list, timer: false }
  return { list, timer: records[lane]![seq - 1]!.endsWith('!') || (before?.timer ?? false) }
}

const cursorAt = (lanes: string[], at: number): Cursor => ({
  lanes: Object.fromEntries([...lanes, 'timer'].map(lane => [lane, 0])),
  keys: 0,
  told: 0,
  round: at,
  ended: false,
  heirs: [],
})

export const emptyCursor = ({ records }: Scenario, at: number) => cursorAt(Object.keys(records), at)

export const ownerWith = (cursor: Cursor): Owner => ({
  cursor: structuredClone(cursor),
  accepted: { ...cursor.lanes },
  cells: {},
  opened: 0,
  inflight: [],
  told: [],
})

export const initial = (scenario: Scenario): World => {
  const names = namesOf(scenario.from)
  const cursor = emptyCursor(scenario, round)
  const each = <Value>(value: () => Value) => Object.fromEntries(names.map(name => [name, value()]))
  return {
    producers: Object.fromEntries(
      Object.keys(scenario.records).map(lane => [lane, { away: false, sent: 0, done: 0, switched: false }]),
    ),
    wired: 'old',
    told: false,
    controller: 0,
    sessions: each(() => []),
    cursors: each(() => structuredClone(cursor)),
    lasts: [],
    states: {},
    owners: each(() => ownerWith(cursor)),
    taken: {},
    effects: [],
    left: {
      takeovers: scenario.takeovers ?? 0,
      producerCrashes: scenario.producerCrashes ?? 0,
      controllerCrashes: scenario.controllerCrashes ?? 0,
      sleepers: scenario.sleepers ?? 0,
    },
  }
}
