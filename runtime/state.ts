import { topics } from '../schema/topics.ts'
import { HandlingError } from './dead-letter.ts'
import type { Connection } from './transport.ts'

/** The retained document at `topics.state`: one key. */
export interface StateDocument {
  v: 1
  /** The commit that wrote it. */
  commit: number
  /** The commit that first wrote this key. */
  born: number
  /** Records that it includes beyond what the cursor of the commit before says: by lane and origin. */
  includes: Record<string, string>
  /** Absent: the key was deleted in this commit. */
  value?: unknown
}

interface Cell {
  json: string | undefined
  born: number
  includes: Record<string, string>
}

/** A key's value as of the end of one record. */
export interface Snapshot {
  key: string
  json: string | undefined
  includes: Record<string, string>
}

const maxStateSize = 256 * 1024

/** The keyed state of one partition, plain JSON. */
export class State {
  #cells = new Map<string, Cell>()
  #stored = new Set<string>()
  /** Deleted keys whose retained document is still to be cleared. */
  #tombstones = new Set<string>()
  #place: { flow: string; node: string; partition: number }

  constructor(place: { flow: string; node: string; partition: number }) {
    this.#place = place
  }

  /** Keys with a stored value. */
  get size() {
    return this.#stored.size
  }

  read(key: string): unknown {
    const json = this.#cells.get(key)?.json
    return json === undefined ? undefined : JSON.parse(json)
  }

  /** Last record of this lane and origin that the stored value already includes. */
  included(key: string, laneAndOrigin: string): string | undefined {
    return this.#cells.get(key)?.includes[laneAndOrigin]
  }

  /** @returns what to store, or undefined when nothing changed. @throws HandlingError when it is no JSON or too large */
  write(key: string, value: unknown, laneAndOrigin: string, seq: string): Snapshot | undefined {
    const json = value === undefined ? undefined : JSON.stringify(value)
    const old = this.#cells.get(key)
    if (json === old?.json) return undefined
    if (json !== undefined && json.length > maxStateSize) {
      throw new HandlingError(
        'state-too-large',
        `the state of key "${key}" has ${json.length} characters, over the limit of ${maxStateSize}`,
      )
    }
    const includes = { ...old?.includes, [laneAndOrigin]: seq }
    this.#cells.set(key, { json, born: old?.born ?? 0, includes })
    return { key, json, includes }
  }

  /** Publishes the newest snapshot of each key. */
  async store(snapshots: Map<string, Snapshot>, commit: number, connection: Connection): Promise<void> {
    const publishing: Promise<void>[] = []
    for (const { key, json, includes } of snapshots.values()) {
      const cell = this.#cells.get(key)!
      if (!this.#stored.has(key)) cell.born = commit
      const value = json === undefined ? '' : `,"value":${json}`
      const payload = `{"v":1,"commit":${commit},"born":${cell.born},"includes":${JSON.stringify(includes)}${value}}`
      publishing.push(connection.publish(this.#topic(key), payload, { retain: true }))
      if (json === undefined) {
        this.#stored.delete(key)
        this.#tombstones.add(key)
      } else {
        this.#stored.add(key)
        this.#tombstones.delete(key)
      }
      // Everything up to here is in the cursor of this commit: a repeat of it is dropped before it gets to state.
      if (cell.json === json) cell.includes = {}
    }
    await Promise.all(publishing)
  }

  /** Clears what was deleted. Only once the cursor no longer counts it, or a restore would wait for it in vain. */
  async clear(connection: Connection): Promise<void> {
    const keys = [...this.#tombstones]
    this.#tombstones.clear()
    for (const key of keys) if (this.#cells.get(key)?.json === undefined) this.#cells.delete(key)
    await Promise.all(keys.map(key => connection.publish(this.#topic(key), '', { retain: true })))
  }

  /** Takes in one retained document. @param commit of the cursor @returns whether the cursor's `keys` counts it */
  restore(key: string, document: StateDocument, commit: number): boolean {
    const json = document.value === undefined ? undefined : JSON.stringify(document.value)
    const orphan = document.commit > commit // its cursor was never written
    if (json === undefined) this.#tombstones.add(key)
    else this.#stored.add(key)
    if (json !== undefined || orphan) {
      this.#cells.set(key, { json, born: document.born, includes: orphan ? document.includes : {} })
    }
    return document.born <= commit && (json !== undefined || orphan)
  }

  #topic(key: string) {
    const { flow, node, partition } = this.#place
    return topics.state(flow, node, partition, encodeKey(key))
  }
}

/** A key as one level of a topic: never empty, no wildcard, no slash. */
export const encodeKey = (key: string) => (key === '' ? '%' : encodeURIComponent(key))
export const decodeKey = (level: string) => (level === '%' ? '' : decodeURIComponent(level))
