import { call, operationOf } from './function.ts'
import type {
  Cursor,
  Inflight,
  Message,
  Mistake,
  Owner,
  Phase,
  Scenario,
  StateDocument,
  World,
} from './world.ts'
import { put } from './world.ts'

/** What the owner of a partition does, as `runtime/partition.ts` and its parts do it: everything here happens in one
 *  turn of its event loop, and what leaves it are packets on its wire. */
export class Partition {
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

  /** Takes the session over. @param documents of the state that the broker brought before it was told to stop
   *  @param newest wiring that this host has heard of */
  start(documents: Record<string, StateDocument>, newest: number) {
    const { retained } = this.#world
    const cursor = structuredClone(retained.cursor)
    const wiring = retained.wiring === cursor.wiring ? cursor.wiring : newest
    cursor.wiring = wiring
    const owner: Owner = {
      wire: [...(retained.wiring === wiring ? [] : [{ wiring }])],
      starting: true,
      holding: false,
      cursor,
      accepted: { ...cursor.lanes },
      cells: {},
      documents: {},
      wiring,
      outbox: [],
      sending: false,
      inflight: [],
    }
    this.#world.owner = owner
    this.#owner = owner
    for (const [key, document] of Object.entries(documents)) this.#restore(key, document, retained.cursor)
    owner.wire.push({ cursor: structuredClone(cursor), why: 'start' })
  }

  started() {
    this.#owner.starting = false
  }

  receive(message: Message) {
    const owner = this.#owner
    if (!('wiring' in message)) {
      const { lane, item } = message
      const seq = this.#mistake === 'ids given on arrival' ? owner.accepted[lane]! + 1 : message.seq
      return this.#handle(lane, seq, item, item)
    }
    if (message.wiring <= owner.wiring) return this.#admit(inflightOf('', 0, '', 'wiring'))
    if (this.#mistake === 'streams changed in flight') {
      this.#rewire(message.wiring)
      return this.#admit(inflightOf('', 0, '', 'wiring'))
    }
    owner.holding = true
    this.#rewireWhenQuiet()
  }

  /** The broker has the cursor of the wiring in effect. */
  saved() {
    const { holding, wire } = this.#owner
    this.#owner.holding = false
    if (holding) wire.push({ ack: 'wiring' })
  }

  /** The broker has a frame. */
  sent(outputs: { origin: string; seq: number }[]) {
    const owner = this.#owner
    for (const { origin, seq } of outputs) {
      const one = owner.inflight.find(other => other.origin === origin && other.seq === seq)
      if (one) one.outputs -= 1
    }
    owner.sending = false
    this.#flush()
    if (owner.commit) this.#goOn()
  }

  /** The broker has a packet that the commit under way waits for. */
  stored() {
    this.#owner.commit!.waiting -= 1
    this.#goOn()
  }

  #restore(key: string, document: StateDocument, cursor: Cursor) {
    const { documents, cells } = this.#owner
    const { value, commit, includes } = document
    put(documents, key, document)
    const forgotten =
      this.#mistake === 'key state without includes' ||
      (this.#mistake === 'includes told by commit number' && commit <= cursor.commit)
    const kept = forgotten ? {} : newerThan(cursor, includes)
    if (value !== undefined || Object.keys(kept).length > 0)
      put(cells, key, { ...(value !== undefined && { value }), includes: kept })
  }

  #handle(lane: string, seq: number, item: string, message: string) {
    const { accepted, cells, outbox, wiring } = this.#owner
    const last =
      this.#mistake === 'ids compared across lanes' ? Math.max(...Object.values(accepted)) : accepted[lane]!
    if (seq <= last) return this.#admit(inflightOf('', 0, '', message))
    accepted[lane] = seq
    const key = this.#keyOf(item)
    const entry = inflightOf(lane, seq, key, message)
    const cell = cells[key] ?? { includes: {} }
    if ((cell.includes[lane] ?? 0) >= seq) return this.#admit(entry)
    const { state, output } = call(operationOf(this.#scenario, item), item, cell.value)
    const changed = state !== cell.value
    if (changed || this.#mistake !== 'includes only what changed the value') put(cell.includes, lane, seq)
    if (changed) {
      entry.snapshot = { ...(state !== undefined && { value: state }), includes: { ...cell.includes } }
      put(cells, key, {
        ...(state !== undefined && { value: state }),
        includes: cell.includes,
      })
    } else put(cells, key, cell)
    entry.outputs = 1
    outbox.push({ item, key, value: output, origin: lane, seq, stream: wiring })
    this.#flush()
    this.#admit(entry)
  }

  #keyOf(item: string) {
    const [lane, n] = item.split('.') as [string, string]
    return this.#scenario.records[lane]![Number(n) - 1]![0]
  }

  #admit(entry: Inflight) {
    this.#owner.inflight.push(entry)
  }

  /** At most one frame on its way; what comes meanwhile gathers. */
  #flush() {
    const owner = this.#owner
    if (owner.sending || owner.outbox.length === 0) return
    owner.wire.push({ outputs: owner.outbox })
    owner.outbox = []
    owner.sending = true
  }

  /** Messages that are done, and may be committed together. */
  get done(): number {
    const { commit, inflight } = this.#owner
    if (commit) return 0
    const early = this.#mistake === 'state before outputs'
    const open = inflight.findIndex(({ outputs }) => outputs > 0 && !early)
    return open < 0 ? inflight.length : open
  }

  /** Begins to commit all that is done: at once, or a little later. */
  commit() {
    const owner = this.#owner
    const batch = this.done
    const orders: Partial<Record<Mistake, Phase[]>> = {
      'ack before state': ['ack', 'state', 'cursor', 'clear'],
      'ack before cursor': ['state', 'ack', 'cursor', 'clear'],
      'cursor before state': ['cursor', 'state', 'clear', 'ack'],
      'state before outputs': ['state', 'outputs', 'cursor', 'clear', 'ack'],
    }
    const phases = (this.#mistake && orders[this.#mistake]) ?? ['state', 'cursor', 'clear', 'ack']
    owner.commit = { batch, number: owner.cursor.commit + 1, phases, waiting: 0 }
    this.#goOn()
  }

  #goOn() {
    const owner = this.#owner
    const commit = owner.commit!
    while (commit.waiting === 0 && commit.phases.length > 0) {
      const batch = owner.inflight.slice(0, commit.batch)
      if (commit.phases[0] === 'outputs' && batch.some(({ outputs }) => outputs > 0)) return
      const phase = commit.phases.shift()!
      if (phase === 'state') this.#storeState(batch, commit.number)
      if (phase === 'cursor') this.#storeCursor(batch, commit.number)
      if (phase === 'clear') this.#clear()
      if (phase === 'ack') for (const { message } of batch) owner.wire.push({ ack: message })
    }
    if (commit.waiting > 0) return
    owner.inflight.splice(0, commit.batch)
    delete owner.commit
    this.#rewireWhenQuiet()
  }

  #storeState(batch: Inflight[], number: number) {
    const owner = this.#owner
    const { cells, cursor, documents } = owner
    const newest = new Map(batch.flatMap(({ key, snapshot }) => (snapshot ? [[key, snapshot]] : [])))
    for (const [key, snapshot] of newest) {
      const old = documents[key]
      const first = batch.find(one => one.key === key && one.snapshot)!
      const born = old ? newerThan(cursor, old.born) : { [first.origin]: first.seq }
      const bornIn = old && (old.value !== undefined || old.commit === number) ? old.bornIn : number
      const document = { commit: number, bornIn, born, ...structuredClone(snapshot) }
      put(documents, key, document)
      owner.wire.push({ key, document })
      owner.commit!.waiting += 1
      const cell = cells[key]!
      if (this.#mistake === 'includes forgotten once the value is stored' && cell.value === snapshot.value)
        cell.includes = {}
    }
  }

  #storeCursor(batch: Inflight[], number: number) {
    const { cells, cursor, documents, wire, commit } = this.#owner
    for (const { origin, seq } of batch) if (seq > 0) cursor.lanes[origin] = seq
    cursor.commit = number
    for (const [key, cell] of Object.entries(cells)) {
      cell.includes = newerThan(cursor, cell.includes)
      if (cell.value === undefined && Object.keys(cell.includes).length === 0) delete cells[key]
    }
    cursor.keys = Object.values(documents).filter(one => isCounted(one, cursor, this.#mistake)).length
    wire.push({ cursor: structuredClone(cursor), why: 'commit' })
    commit!.waiting += 1
  }

  /** Clears what was deleted, once the cursor says of all that it includes that it is finished. */
  #clear() {
    const { cursor, documents, wire, commit } = this.#owner
    for (const [key, document] of Object.entries(documents)) {
      if (document.value !== undefined) continue
      const early = this.#mistake === 'deleted keys cleared before the cursor covers them'
      if (!early && Object.keys(newerThan(cursor, document.includes)).length > 0) continue
      delete documents[key]
      wire.push({ key })
      commit!.waiting += 1
    }
  }

  #rewireWhenQuiet() {
    const { holding, inflight, wire } = this.#owner
    if (!holding || inflight.length > 0 || wire.some(packet => 'wiring' in packet)) return
    this.#rewire(2)
  }

  #rewire(wiring: number) {
    const owner = this.#owner
    owner.wiring = wiring
    owner.cursor.wiring = wiring
    owner.wire.push({ wiring }, { cursor: structuredClone(owner.cursor), why: 'wiring' })
  }
}

const inflightOf = (origin: string, seq: number, key: string, message: string): Inflight => ({
  origin,
  seq,
  key,
  outputs: 0,
  message,
})

/** Whether the cursor's `keys` counts this document: not what a commit without cursor has added; and of what was
 *  deleted, only what such a commit has. */
export function isCounted(
  { value, born, bornIn, commit, includes }: StateDocument,
  cursor: Cursor,
  mistake?: Mistake,
) {
  if (mistake === 'keys counted by commit number')
    return bornIn <= cursor.commit && (value !== undefined || commit > cursor.commit)
  if (Object.keys(newerThan(cursor, born)).length > 0) return false
  return value !== undefined || Object.keys(newerThan(cursor, includes)).length > 0
}

const newerThan = ({ lanes }: Cursor, includes: Record<string, number>) =>
  Object.fromEntries(Object.entries(includes).filter(([lane, seq]) => seq > lanes[lane]!))
