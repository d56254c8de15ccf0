import {
  type Cursor,
  call,
  type Document,
  emptyCursor,
  type Message,
  type Mistake,
  namesOf,
  type Owner,
  ownerWith,
  type Scenario,
  shardOf,
  type World,
} from './repartition-world.ts'
import { put } from './world.ts'

/** What the owner of a partition does while partitions are cut anew, as `runtime/recovery.ts` and `partition.ts` do it; its
 *  packets are taken over by the broker at once. */
export class RepartitionOwner {
  #world: World
  #name: string
  #scenario: Scenario
  #mistake: Mistake | undefined

  constructor(world: World, name: string, scenario: Scenario, mistake?: Mistake) {
    this.#world = world
    this.#name = name
    this.#scenario = scenario
    this.#mistake = mistake
  }

  get #owner(): Owner {
    return this.#world.owners[this.#name]!
  }

  get #cut() {
    return this.#name.endsWith('of2') ? 2 : 1
  }

  get #shard() {
    return Number(this.#name[0])
  }

  /** Takes the session over. @param round of the wiring that the host knows
   *  @throws when it does not find the keys that the cursor counts */
  start(round: number) {
    const { sessions, cursors, owners, states, lasts } = this.#world
    delete owners[this.#name] // whoever had it
    sessions[this.#name] ??= []
    const cursor = cursors[this.#name] ?? emptyCursor(this.#scenario, round)
    if (cursor.round !== round && this.#mistake !== 'a host that slept is let in') return
    const owner = ownerWith(cursor)
    put(owners, this.#name, owner)
    if (cursor.ended && this.#mistake !== 'an ended partition goes on') return
    const found = Object.entries(states).filter(([key]) => shardOf(key, this.#cut) === this.#shard)
    const counted = found.filter(([, document]) => isCounted(document, cursor)).length
    if (counted !== cursor.keys)
      throw new Error(
        `the owner of ${this.#name} finds ${counted} keys, and its cursor counts ${cursor.keys}`,
      )
    if (cursor.keys > 0)
      for (const [key, { includes, ...document }] of found)
        put(owner.cells, key, { ...structuredClone(document), includes: newer(includes, cursor) })
    cursors[this.#name] = structuredClone(cursor)
    if (lasts.includes(this.#name)) this.end()
  }

  get isRunning() {
    return !this.#owner.cursor.ended || this.#mistake === 'an ended partition goes on'
  }

  /** The message that it may open now. */
  get next(): Message | undefined {
    const { opened, inflight } = this.#owner
    const isOn = this.isRunning && !this.isEnding
    const message = isOn ? this.#world.sessions[this.#name]![opened] : undefined
    if (message !== 'last') return inflight.length < 2 ? message : undefined
    const isQuiet = inflight.length === 0 || this.#mistake === 'a partition ends while something is in flight'
    return isQuiet && !this.#owner.cursor.ended ? message : undefined
  }

  /** The last wiring may come before what else waits. */
  get mayEndEarly(): boolean {
    const { opened, inflight } = this.#owner
    const isIdle = this.isRunning && !this.isEnding && inflight.length === 0 && !this.#owner.cursor.ended
    return (
      isIdle &&
      this.#scenario.unordered === true &&
      this.#world.sessions[this.#name]!.includes('last', opened)
    )
  }

  endEarly() {
    const session = this.#world.sessions[this.#name]!
    session.splice(session.indexOf('last'), 1)
    session.splice(this.#owner.opened, 0, 'last')
    this.open('last')
  }

  open(message: Message) {
    const owner = this.#owner
    owner.opened += 1
    if (message === 'last') {
      this.#world.lasts.push(this.#name)
      this.#world.lasts.sort()
      return
    }
    const { lane, seq, item, key } = message
    const nothing = { lane, seq: 0, output: null, document: null, stage: 'cursor' as const }
    if (seq <= owner.accepted[lane]!) return void owner.inflight.push(nothing)
    owner.accepted[lane] = seq
    const before = owner.cells[key]
    const isOver = lane === 'timer' && !before?.timer
    if (isOver || (before?.includes[lane] ?? 0) >= seq) return void owner.inflight.push({ ...nothing, seq })
    const { list, timer } = call(this.#scenario, message, before)
    const includes = { ...before?.includes, [lane]: seq }
    const document = { list, timer, born: before?.born ?? { lane, seq }, includes }
    put(owner.cells, key, document)
    if (timer && !before?.timer) owner.told = owner.told.filter(told => told !== key)
    owner.inflight.push({
      lane,
      seq,
      output: { item, key, list },
      document: structuredClone(document),
      stage: 'output',
    })
  }

  /** Its last wiring is in effect: it counts the keys of those that come after it, and stores nothing more. */
  get isEnding() {
    return this.#world.lasts.includes(this.#name) && !this.#owner.cursor.ended
  }

  end() {
    const { cursor, cells } = this.#owner
    cursor.ended = true
    cursor.heirs = namesOf(this.#scenario.to).map((_, shard) => {
      const all = Object.entries(cells).filter(([, document]) => isCounted(document, cursor))
      const theirs = all.filter(([key]) => shardOf(key, this.#scenario.to) === shard)
      return (this.#mistake === 'new partitions count all keys' ? all : theirs).length
    })
    this.#world.cursors[this.#name] = structuredClone(cursor)
  }

  /** What the next packet is. */
  get stage() {
    return this.#owner.inflight[0]?.stage
  }

  /** The broker takes over the next packet of the oldest message under way. */
  goOn() {
    const { taken, effects, states, sessions, cursors } = this.#world
    const owner = this.#owner
    const { cursor, cells } = owner
    const [first] = owner.inflight
    const { lane, seq, output, document, stage } = first!
    if (stage === 'output') {
      const id = `${this.#shard}/${lane}`
      if (seq > (taken[id] ?? 0)) {
        put(taken, id, seq)
        effects.push(output!)
      }
      first!.stage = 'state'
    } else if (stage === 'state') {
      put(states, output!.key, document!)
      first!.stage = 'cursor'
    } else {
      if (seq > 0) cursor.lanes[lane] = seq
      cursor.keys = Object.values(cells).filter(cell => isCounted(cell, cursor)).length
      for (const cell of Object.values(cells)) cell.includes = newer(cell.includes, cursor)
      cursors[this.#name] = structuredClone(cursor)
      owner.inflight.shift()
      owner.opened -= 1
      sessions[this.#name]!.shift()
    }
  }

  /** Keys whose timer may be told: its state is stored. */
  get due(): string[] {
    const { cells, told } = this.#owner
    if (!this.isRunning) return []
    return Object.keys(cells).filter(
      key => cells[key]!.timer && this.#world.states[key]?.timer && !told.includes(key),
    )
  }

  tell(key: string) {
    const { cursor, told } = this.#owner
    told.push(key)
    told.sort()
    cursor.told += 1
    this.#world.cursors[this.#name] = structuredClone(cursor)
    this.#world.sessions[this.#name]!.push({ lane: 'timer', seq: cursor.told, item: `timer.${key}`, key })
  }
}

/** Whether the cursor's `keys` counts this document: not what a commit without cursor has added. */
const isCounted = ({ born }: Document, { lanes }: Cursor) => born.seq <= lanes[born.lane]!

const newer = (includes: Document['includes'], { lanes }: Cursor) =>
  Object.fromEntries(Object.entries(includes).filter(([lane, seq]) => seq > lanes[lane]!))
