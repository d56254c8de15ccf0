import type { Progress } from './cursor.ts'
import { HandlingError } from './dead-letter.ts'
import { shardOf } from './key.ts'
import type { Parking } from './parking.ts'
import { maxPartitions, type Place, stateTopic } from './place.ts'
import type { Seq } from './record-id.ts'
import { StateCache } from './state-cache.ts'
import {
  isAbsent,
  isCounted,
  isEmpty,
  isGone,
  isSettled,
  newer,
  print,
  type Records,
  type StateDocument,
  type Stored,
  settled,
  type Values,
} from './state-document.ts'
import type { StateReader } from './state-reader.ts'
import type { Connection } from './transport.ts'

/** What one call changes for its key. */
export interface StateChange {
  state?: { value: unknown }
  timer?: { at: number | undefined }
  retry?: { parking: Parking | undefined }
}

interface Cell extends Values {
  /** Records that touched it and are newer than the cursor. */
  includes: Records
  /** What the broker has, without values; undefined: nothing. */
  document: Stored | undefined
}

/** A key's value as of the end of one record. */
export interface Snapshot extends Values {
  key: string
  includes: Records
  /** The first record since the last commit that changed it. */
  first: Records
}

/** The newer of two snapshots of a key in one commit. */
export const following = (earlier: Snapshot | undefined, next: Snapshot): Snapshot =>
  earlier ? { ...next, first: earlier.first } : next

const maxStateSize = 256 * 1024
/** Of a document beside its value. */
const documentCharacters = 60
/** After so many documents, earlier ones count half: values may grow. */
const recentDocuments = 4_096

/** The keyed state of one partition, plain JSON, with the timer of each key. */
export class State {
  /** Keys with anything that the cursor may not say yet, a timer, or records that wait. */
  #cells = new Map<string, Cell>()
  /** The others: the broker has just the same value. */
  #settled: StateCache
  /** Keys with anything that the cursor may not say yet: few, where keys may be many. */
  #open = new Set<string>()
  /** Keys of which the broker has a document, by their shard among the most partitions that there can be. */
  #buckets = new Uint32Array(maxPartitions)
  #stored = 0
  /** Documents that were written or read here, and their characters. */
  #seen = { documents: 0, characters: 0 }
  #place: Place

  /** @param maxBytes of values that are kept in memory though the broker has the same */
  constructor(place: Place, maxBytes: () => number = () => Number.POSITIVE_INFINITY) {
    this.#place = place
    this.#settled = new StateCache(maxBytes)
  }

  /** Keys that a restore with this cursor must bring. */
  size(progress: Progress) {
    let count = this.#stored
    for (const key of this.#open) {
      const document = this.#cells.get(key)?.document
      if (document && !isCounted(document, progress)) count -= 1
    }
    return count
  }

  /** What the broker has, about: of each key as much as documents have on average that were written or read here. */
  get storedBytes(): number {
    const { documents, characters } = this.#seen
    return documents === 0 ? 0 : Math.round((this.#stored * characters) / documents)
  }

  /** Of the keys that `size` counts: how many each of so many partitions has. */
  sizes(partitions: number, progress: Progress): number[] {
    const sizes = Array.from({ length: partitions }, () => 0)
    for (const [bucket, count] of this.#buckets.entries()) sizes[bucket % partitions]! += count
    for (const key of this.#open) {
      const document = this.#cells.get(key)?.document
      if (document && !isCounted(document, progress)) sizes[shardOf(key, partitions)]! -= 1
    }
    return sizes
  }

  /** Only the broker has the value of this key: nothing may be asked about it, nor written, before it is back. */
  isAway(key: string): boolean {
    return this.#settled.isAway(key)
  }

  /** Keeps the value of a key in memory while a handler has it; to be followed by a `release`. */
  hold(key: string) {
    this.#settled.hold(key)
  }

  release(key: string) {
    this.#settled.release(key)
  }

  read(key: string): unknown {
    const cell = this.#cells.get(key)
    const json = cell ? cell.json : this.#settled.get(key)
    return json === undefined ? undefined : JSON.parse(json)
  }

  timer(key: string): number | undefined {
    return this.#cells.get(key)?.timer
  }

  parking(key: string): Parking | undefined {
    return this.#cells.get(key)?.retry
  }

  /** Every key of which records wait for an attempt. */
  *parkings(): Generator<[key: string, at: number]> {
    for (const [key, { retry }] of this.#cells) if (retry !== undefined) yield [key, retry.at]
  }

  /** Every key that has a timer. */
  *timers(): Iterable<[key: string, at: number]> {
    for (const [key, { timer }] of this.#cells) if (timer !== undefined) yield [key, timer]
  }

  /** Last record of this lane and origin that the stored value already includes. */
  included(key: string, laneAndOrigin: string): Seq | undefined {
    return this.#cells.get(key)?.includes[laneAndOrigin]
  }

  /** @returns what to store, or undefined when nothing changed. @throws HandlingError when it is no JSON or too large */
  write(key: string, change: StateChange, laneAndOrigin: string, seq: Seq): Snapshot | undefined {
    const written = change.state && { json: jsonOf(change.state.value, key) }
    const cell = this.#cellOf(key)
    const json = written ? written.json : cell.json
    const timer = change.timer ? change.timer.at : cell.timer
    const retry = change.retry ? change.retry.parking : cell.retry
    const includes = { ...cell.includes, [laneAndOrigin]: seq }
    const isSame = json === cell.json && timer === cell.timer && retry === cell.retry
    cell.json = json
    cell.timer = timer
    cell.retry = retry
    cell.includes = includes
    this.#open.add(key)
    // What leaves the value as it was must not be handled again on a value that a later record has changed.
    return isSame ? undefined : { key, json, timer, retry, includes, first: { [laneAndOrigin]: seq } }
  }

  /** Publishes the newest snapshot of each key. @param progress of the cursor that is stored now */
  async store(snapshots: Map<string, Snapshot>, progress: Progress, connection: Connection): Promise<void> {
    const publishing: Promise<void>[] = []
    for (const { key, includes, first, ...values } of snapshots.values()) {
      const cell = this.#cellOf(key)
      if (!cell.document) this.#count(key, 1)
      const born =
        cell.document && !isGone(cell.document, progress) ? newer(cell.document.born, progress) : first
      cell.document = { born, includes, deleted: isAbsent(values) }
      this.#open.add(key)
      const payload = print({ born, includes }, values)
      this.#see(payload.length)
      publishing.push(connection.publish(stateTopic(this.#place, key), payload, { retain: true }))
    }
    await Promise.all(publishing)
  }

  /** Forgets what the cursor says: a repeat of it is dropped before it gets to state. */
  settle(progress: Progress) {
    for (const key of this.#open) {
      const cell = this.#cells.get(key)!
      cell.includes = newer(cell.includes, progress)
      if (!isEmpty(cell.includes)) continue
      if (cell.document && !isSettled(cell.document, progress)) continue
      if (cell.document) cell.document = settled
      this.#open.delete(key)
      this.#rest(key, cell)
    }
    this.#settled.trim()
  }

  /** Clears what was deleted, once the cursor says that all which it includes is finished. */
  async clear(progress: Progress, connection: Connection): Promise<void> {
    const publishing: Promise<void>[] = []
    for (const key of this.#open) {
      const cell = this.#cells.get(key)!
      if (!cell.document?.deleted || !isEmpty(newer(cell.document.includes, progress))) continue
      cell.document = undefined
      this.#count(key, -1)
      if (isAbsent(cell) && isEmpty(cell.includes)) {
        this.#open.delete(key)
        this.#cells.delete(key)
      }
      publishing.push(connection.publish(stateTopic(this.#place, key), '', { retain: true }))
    }
    await Promise.all(publishing)
  }

  /** Takes in one retained document, once. @returns whether the cursor's `keys` counts it */
  restore(key: string, { value, timer, retry, born, includes }: StateDocument, progress: Progress): boolean {
    if (this.#cells.has(key)) return false
    const json = value === undefined ? undefined : JSON.stringify(value)
    this.#see(documentCharacters + (json?.length ?? 0))
    const values = { json, timer, retry }
    const document = { born, includes, deleted: isAbsent(values) }
    const rests = isSettled(document, progress)
    if (rests && json !== undefined && timer === undefined && retry === undefined) {
      const isNew = this.#settled.restore(key, json)
      if (isNew) this.#count(key, 1)
      return isNew
    }
    if (this.#settled.has(key)) return false
    this.#count(key, 1)
    const open = newer(includes, progress)
    this.#cells.set(key, { ...values, includes: open, document: rests ? settled : document })
    if (!rests) this.#open.add(key)
    return isCounted(document, progress)
  }

  /** What was put away of these keys comes back into memory. @param keys in the order in which they are needed */
  async fetch(keys: string[], reader: StateReader): Promise<void> {
    const places = new Map(keys.map(key => [stateTopic(this.#place, key), key]))
    const found = new Map<string, string>()
    await reader.read([...places.keys()], (topic, { value }) => {
      const key = places.get(topic)!
      const json = JSON.stringify(value)
      const isNewest = this.#settled.isNewest(key, json)
      if (isNewest) found.set(key, json)
      return isNewest
    })
    this.#settled.bring(keys.map(key => [key, found.get(key)!]))
  }

  /** To be changed: in memory, and not to be put away. */
  #cellOf(key: string): Cell {
    let cell = this.#cells.get(key)
    if (cell) return cell
    const json = this.#settled.take(key)
    cell = {
      json,
      timer: undefined,
      retry: undefined,
      includes: {},
      document: json === undefined ? undefined : settled,
    }
    this.#cells.set(key, cell)
    return cell
  }

  /** Nothing of it is open. */
  #rest(key: string, { json, timer, retry, document }: Cell) {
    if (timer !== undefined || retry !== undefined || (json !== undefined && !document)) return
    this.#cells.delete(key)
    if (json !== undefined) this.#settled.put(key, json)
  }

  #see(characters: number) {
    const seen = this.#seen
    if (seen.documents >= recentDocuments)
      this.#seen = { documents: seen.documents / 2, characters: seen.characters / 2 }
    this.#seen.documents += 1
    this.#seen.characters += characters
  }

  #count(key: string, by: 1 | -1) {
    this.#buckets[shardOf(key, maxPartitions)]! += by
    this.#stored += by
  }
}

function jsonOf(value: unknown, key: string): string | undefined {
  const json = value === undefined ? undefined : JSON.stringify(value)
  if (json !== undefined && json.length > maxStateSize) {
    throw new HandlingError(
      'state-too-large',
      `the state of key "${key}" has ${json.length} characters, over the limit of ${maxStateSize}`,
    )
  }
  return json
}
