import { randomUUID } from 'node:crypto'
import TinyQueue from 'tinyqueue'
import { topics } from '../schema/topics.ts'
import type { CursorDocument } from './cursor.ts'
import type { Place } from './place.ts'
import type { Connection } from './transport.ts'

type Due = [key: string, at: number]

/** The message with which a partition tells itself, through its own session, what is due. */
export interface DueMessage {
  v: 1
  /** Number of the first of them; the next ones follow. Grows over all owners of the partition. */
  n: number
  due: Due[]
  /** With nothing that is due: the first message of an owner. */
  mark?: string
}

export interface TimersOptions extends Place {
  lane: 'timer' | 'retry'
  connection: Connection
  cursor: CursorDocument
  /** Stores the cursor. */
  save(): Promise<void>
  onFailed(error: Error): void
}

const block = 1_000
const maxDue = 256
/** Messages that are not finished: they wait in the session, which a default mosquitto bounds. One, until the first of this
 *  lane is: what an owner before has told may still wait there, and each after it would add as many. */
const maxOpen = 4
/** The clock is looked at again after this: it may have been set. */
const maxWaitMs = 60_000

/**
 * The timers of one partition, one for each key, as its stored state has them: those of users (lane `timer`), or of
 * records that are to be tried again (lane `retry`). One that is due goes through the
 * partition's own session: so it has a place among the records, which a successor finds in the same order. A timer
 * may be told twice; only the first finds its key's state as it was set.
 */
export class Timers {
  #options: TimersOptions
  #set = new Map<string, number>()
  /** By instant; what no longer is as in `#set` is skipped. */
  #queue = new TinyQueue<Due>([], ([, a], [, b]) => a - b)
  #timeout: NodeJS.Timeout | undefined
  #last: number
  #open = 0
  #mayOpen = 1
  #telling = false
  #closed = false
  #aheadMs = 0

  constructor(options: TimersOptions) {
    this.#options = options
    this.#last = this.#reserved
  }

  /** @param at ms since the epoch; undefined: none any more */
  set(key: string, at: number | undefined) {
    if (this.#set.get(key) === at) return
    if (at === undefined) this.#set.delete(key)
    else {
      this.#set.set(key, at)
      this.#queue.push([key, at])
    }
    this.#arm()
  }

  /** Sends the first message of this owner through the session. @returns what tells it from those of others */
  async mark(): Promise<string> {
    const { connection, flow, node, name, lane } = this.#options
    const mark = randomUUID()
    const message: DueMessage = { v: 1, n: 0, due: [], mark }
    await connection.publish(topics.due(flow, lane, node, name), JSON.stringify(message))
    return mark
  }

  /** A message of this lane has come back, and is finished. */
  finished() {
    this.#open = Math.max(0, this.#open - 1)
    this.#mayOpen = maxOpen
    this.#arm()
  }

  /** None is on its way. */
  get idle() {
    return !this.#telling && this.#open === 0
  }

  /** Lets time pass, for a test. */
  elapse(ms: number) {
    this.#aheadMs += ms
    this.#arm()
  }

  close() {
    this.#closed = true
    clearTimeout(this.#timeout)
  }

  get #reserved() {
    return this.#options.cursor.told?.[this.#options.lane] ?? 0
  }

  #now = () => Date.now() + this.#aheadMs

  #arm() {
    if (this.#closed || this.#telling || this.#open >= this.#mayOpen) return
    clearTimeout(this.#timeout)
    const next = this.#next()
    if (!next) return
    const waitMs = next[1] - this.#now()
    if (waitMs > 0) this.#timeout = setTimeout(() => this.#arm(), Math.min(waitMs, maxWaitMs)).unref()
    else this.#tell().catch(error => !this.#closed && this.#options.onFailed(error))
  }

  /** The earliest that is still set. */
  #next(): Due | undefined {
    for (let next = this.#queue.peek(); next; next = this.#queue.peek()) {
      if (this.#set.get(next[0]) === next[1]) return next
      this.#queue.pop()
    }
    return undefined
  }

  async #tell() {
    this.#telling = true
    const { connection, cursor, flow, node, name, lane, save } = this.#options
    const due: Due[] = []
    const now = this.#now()
    for (let next = this.#next(); next && next[1] <= now && due.length < maxDue; next = this.#next()) {
      this.#set.delete(next[0])
      due.push(next)
    }
    if (due.length > 0) {
      // Numbers are reserved: a successor goes on behind whatever still waits in the session.
      if (this.#last + due.length > this.#reserved) {
        this.#last = this.#reserved
        cursor.told = { ...cursor.told, [lane]: this.#last + block }
        await save()
      }
      const message: DueMessage = { v: 1, n: this.#last + 1, due }
      this.#last += due.length
      this.#open += 1
      await connection.publish(topics.due(flow, lane, node, name), JSON.stringify(message))
    }
    this.#telling = false
    this.#arm()
  }
}

/** @throws when the payload is nothing of ours */
export function parseDue(payload: Buffer): DueMessage {
  const message = JSON.parse(payload.toString()) as DueMessage
  const valid =
    message?.v === 1 &&
    Number.isSafeInteger(message.n) &&
    Array.isArray(message.due) &&
    (message.mark === undefined || typeof message.mark === 'string') &&
    message.due.every(entry => typeof entry?.[0] === 'string' && typeof entry[1] === 'number')
  if (!valid) throw new Error('not a message about timers of version 1')
  return message
}
