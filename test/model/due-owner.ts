import {
  type Document,
  type DueLane,
  emptyOwner,
  emptyValue,
  type Inflight,
  type Lane,
  type Message,
  type Mistake,
  type Owner,
  type Packet,
  type Scenario,
  type Value,
  type World,
} from './due-world.ts'
import { put } from './world.ts'

/** Numbers that are reserved at once. */
const block = 2

type Told = Exclude<Message, { mark: number }>

/** What the owner of a partition does about timers and records that wait, as `runtime/handling.ts`, `parking.ts` and
 *  `timers.ts` do it; each call is one turn of its event loop. */
export class DueOwner {
  #world: World
  #owner: Owner
  #scenario: Scenario
  #mistake: Mistake | undefined

  constructor(world: World, scenario: Scenario, mistake?: Mistake) {
    this.#world = world
    this.#owner = world.owner
    this.#scenario = scenario
    this.#mistake = mistake
  }

  /** Takes the session over. @param number of this owner, from 1 */
  start(number: number) {
    const { retained } = this.#world
    const owner = emptyOwner(retained.cursor)
    this.#world.owner = owner
    this.#world.opened = 0
    this.#owner = owner
    for (const [key, { value, includes }] of Object.entries(retained.states)) {
      const kept = this.#mistake === 'what a key includes is forgotten' ? {} : this.#newer(includes)
      owner.cells[key] = { value, includes: kept }
      if (this.#mistake === 'what was set before is not told again') continue
      if (value.timer > 0) owner.set.timer[key] = value.timer
      if (value.at > 0) owner.set.retry[key] = value.at
    }
    if (this.#mistake === 'numbers begin anew with each owner') owner.last = { timer: 0, retry: 0 }
    if (!this.#scenario.relaxed || this.#mistake === 'what comes again is taken for new') return
    owner.mark = number
    owner.starting = true
    owner.wire.push({ tells: { mark: number } })
  }

  /** Whether the function may throw for what comes next. */
  mayFail(message: Message): boolean {
    if ('mark' in message || message.lane === 'timer' || !this.#scenario.relaxed) return false
    return this.#owner.mark === 0 && this.#isCalled(message)
  }

  open(message: Message, fails: boolean) {
    const owner = this.#owner
    this.#world.opened += 1
    if ('mark' in message) {
      const any = this.#mistake === 'the mark of another owner is taken for its own'
      if (message.mark === owner.mark || any) owner.mark = 0
      return this.#admit('in', 0, '')
    }
    const { lane, seq, key } = message
    if (seq <= owner.accepted[lane]) return this.#admit(lane, 0, '')
    owner.accepted[lane] = seq
    const entry = this.#admit(lane, seq, key)
    this.#handle(message, entry, fails)
  }

  #admit(lane: Lane, seq: number, key: string): Inflight {
    const entry: Inflight = { lane, seq, key, outputs: 0, snapshot: null }
    this.#owner.inflight.push(entry)
    return entry
  }

  /** Whether it is new, and what it is about is still to be done. */
  #isCalled({ lane, seq, key, at }: Told) {
    const { accepted, cells } = this.#owner
    if (seq <= accepted[lane]) return false
    const { value = emptyValue, includes = {} } = cells[key] ?? {}
    if ((includes[lane] ?? 0) >= seq) return false
    if (lane === 'retry') return value.at === at
    if (lane === 'in') return true
    if (this.#mistake === 'a timer that was told twice fires twice') return true
    return this.#mistake === 'a timer fires whatever is set now' ? value.timer > 0 : value.timer === at
  }

  #handle(message: Told, entry: Inflight, fails: boolean) {
    const { cells, cursor } = this.#owner
    const { lane, seq, key, item, at } = message
    this.#owner.accepted[lane] = seq - 1
    const isCalled = this.#isCalled(message)
    this.#owner.accepted[lane] = seq
    if (!isCalled) return
    const value = cells[key]?.value ?? emptyValue
    const isBehind =
      lane === 'in' && value.at > 0 && this.#mistake !== 'a record passes one of its key that waits'
    if (isBehind) return this.#write(entry, { ...value, waiting: [...value.waiting, item] })
    const named = cursor.failed.includes(`${lane}.${seq}`)
    if (fails || (named && this.#mistake !== 'a failure that was named is looked at again')) {
      const waiting = lane === 'retry' ? value.waiting : [...value.waiting, item]
      this.#write(entry, { ...value, at: lane === 'retry' ? value.at + 1 : 10 * seq, waiting })
      if (!named) this.#name(`${lane}.${seq}`)
      return
    }
    if (lane === 'timer') return this.#succeed(entry, `timer.${key}@${at}`, { ...value, timer: 0 })
    if (lane === 'in') return this.#succeed(entry, item, value)
    const [first, ...waiting] = value.waiting
    this.#succeed(entry, first!, { ...value, at: waiting.length > 0 ? value.at + 1 : 0, waiting })
  }

  /** What is behind it leaves now: whoever comes next must let it wait, too. */
  #name(failed: string) {
    const { cursor, wire } = this.#owner
    cursor.failed.push(failed)
    if (this.#mistake === 'a record passes before the failure is named') return
    this.#owner.holds += 1
    wire.push({ cursor: structuredClone(cursor), why: 'failure' })
  }

  #succeed(entry: Inflight, item: string, before: Value) {
    const { lane, seq, key } = entry
    const value = call(this.#scenario, item, before)
    this.#write(entry, value)
    entry.outputs = 1
    this.#owner.wire.push({ output: { item, key, list: value.list }, lane, seq })
  }

  #write(entry: Inflight, value: Value) {
    const { cells } = this.#owner
    const includes = { ...cells[entry.key]?.includes, [entry.lane]: entry.seq }
    const { list, timer, at, waiting } = value
    entry.snapshot = { value: { list, timer, at, waiting }, includes }
    put(cells, entry.key, structuredClone(entry.snapshot))
  }

  /** Tells itself, through its own session, that something is due. */
  tell(lane: DueLane, key: string) {
    const { set, telling, last, cursor, wire } = this.#owner
    telling[lane] = { key, at: set[lane][key]! }
    delete set[lane][key]
    if (this.#mistake === 'what is due has no place among the records') return this.#tellAtOnce(lane)
    const isReserved = last[lane] + 1 <= cursor.told[lane]
    if (isReserved || this.#mistake === 'numbers begin anew with each owner') return this.#publish(lane)
    last[lane] = cursor.told[lane]
    cursor.told[lane] += block
    const isEarly = this.#mistake === 'numbers are told before they are reserved'
    if (isEarly) this.#publish(lane)
    wire.push({ cursor: structuredClone(cursor), why: isEarly ? 'late' : lane })
  }

  #publish(lane: DueLane) {
    const { telling, last, wire } = this.#owner
    last[lane] += 1
    wire.push({ tells: { lane, seq: last[lane], item: '', ...telling[lane]! } })
  }

  #tellAtOnce(lane: DueLane) {
    const { telling, accepted } = this.#owner
    const told = { lane, seq: accepted[lane] + 1, item: '', ...telling[lane]! }
    telling[lane] = null
    const entry = this.#admit(lane, told.seq, told.key)
    this.#owner.accepted[lane] = told.seq
    this.#handle(told, entry, false)
  }

  /** The broker has taken a packet over. */
  took(packet: Packet) {
    const owner = this.#owner
    if ('output' in packet) {
      owner.inflight.find(({ lane, seq }) => lane === packet.lane && seq === packet.seq)!.outputs -= 1
    } else if ('key' in packet) this.#stored()
    else if ('tells' in packet) {
      if ('mark' in packet.tells) owner.starting = false
      else owner.telling[packet.tells.lane as DueLane] = null
    } else if ('cursor' in packet) {
      if (packet.why === 'failure') owner.holds -= 1
      else if (packet.why === 'commit') this.#stored()
      else if (packet.why !== 'late') this.#publish(packet.why)
    }
  }

  /** Messages that are done, and may be committed together. */
  get done(): number {
    const { commit, inflight } = this.#owner
    if (commit) return 0
    const open = inflight.findIndex(({ outputs }) => outputs > 0)
    return open < 0 ? inflight.length : open
  }

  /** Begins to commit all that is done: at once, or a little later. */
  commit() {
    const owner = this.#owner
    const batch = this.done
    owner.commit = { batch, waiting: 0, phase: 'state' }
    const newest: Record<string, Document> = {}
    for (const { key, snapshot } of owner.inflight.slice(0, batch)) if (snapshot) newest[key] = snapshot
    for (const [key, { value, includes }] of Object.entries(newest)) {
      const isForgotten = this.#mistake === 'what waits is kept in memory'
      const kept = isForgotten ? { ...value, at: 0, waiting: [] } : value
      owner.wire.push({ key, document: structuredClone({ value: kept, includes }) })
      owner.commit.waiting += 1
    }
    if (owner.commit.waiting === 0) this.#storeCursor()
  }

  #stored() {
    const { commit } = this.#owner
    commit!.waiting -= 1
    if (commit!.waiting > 0) return
    if (commit!.phase === 'state') this.#storeCursor()
    else this.#acknowledge()
  }

  #storeCursor() {
    const { commit, inflight, cursor, cells, wire } = this.#owner
    for (const { lane, seq } of inflight.slice(0, commit!.batch)) if (seq > 0) cursor.lanes[lane] = seq
    cursor.failed = cursor.failed.filter(failed => {
      const [lane, seq] = failed.split('.') as [Lane, string]
      return Number(seq) > cursor.lanes[lane]
    })
    for (const cell of Object.values(cells)) cell.includes = this.#newer(cell.includes)
    commit!.phase = 'cursor'
    commit!.waiting = 1
    wire.push({ cursor: structuredClone(cursor), why: 'commit' })
  }

  #acknowledge() {
    const { commit, inflight, wire, set } = this.#owner
    const batch = inflight.splice(0, commit!.batch)
    this.#owner.commit = null
    const alone = this.#mistake === 'what is due has no place among the records'
    wire.push({ acks: batch.filter(({ lane }) => !alone || lane === 'in').length })
    for (const { key, snapshot } of batch) {
      if (!snapshot) continue
      const { timer, at } = snapshot.value
      delete set.timer[key]
      delete set.retry[key]
      if (timer > 0) put(set.timer, key, timer)
      if (at > 0) put(set.retry, key, at)
    }
  }

  #newer(includes: Document['includes']): Document['includes'] {
    const { lanes } = this.#owner.cursor
    const newer = Object.entries(includes).filter(([lane, seq]) => seq > lanes[lane as Lane])
    return Object.fromEntries(newer)
  }
}

/** The user's function: what a record, or the timer of its key, does to the state. */
export function call({ records }: Scenario, item: string, value: Value): Value {
  const list = `${value.list}${item} `
  if (item.startsWith('timer')) return { ...value, list }
  const [, what] = records[Number(item.slice(1)) - 1]!
  if (what === 'add') return { ...value, list }
  return { ...value, list, timer: what === 'clear' ? 0 : what.timer }
}
