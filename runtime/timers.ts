import { topics } from '../schema/topics.ts'
import type { CursorDocument } from './cursor.ts'
import type { Connection } from './transport.ts'

/** The message with which a partition tells itself, through its own session, that timers are due. */
export interface TimerMessage {
  v: 1
  /** Number of the first of them; the next ones follow. Grows over all owners of the partition. */
  n: number
  due: [key: string, at: number][]
}

interface TimersOptions {
  flow: string
  node: string
  partition: number
  connection: Connection
  cursor: CursorDocument
  /** Stores the cursor. */
  save(): Promise<void>
  onFailed(error: Error): void
}

const block = 1_000
const maxDue = 256
/** Messages on their way through the session, which a default mosquitto bounds. */
const maxOpen = 4
const maxWaitMs = 3_600_000

/**
 * The timers of one partition, one for each key, as its stored state has them. One that is due goes through the
 * partition's own session: so it has a place among the records, which a successor finds in the same order. A timer
 * may be told twice; only the first finds its key's state as it was set.
 */
export class Timers {
  #options: TimersOptions
  #set = new Map<string, number>()
  /** By instant; what no longer is as in `#set` is skipped. */
  #heap = new Heap()
  #timeout: NodeJS.Timeout | undefined
  #last: number
  #open = 0
  #telling = false
  #closed = false
  #aheadMs = 0

  constructor(options: TimersOptions) {
    this.#options = options
    this.#last = options.cursor.timers ?? 0
  }

  /** @param at ms since the epoch; undefined: none any more */
  set(key: string, at: number | undefined) {
    if (this.#set.get(key) === at) return
    if (at === undefined) this.#set.delete(key)
    else {
      this.#set.set(key, at)
      this.#heap.push([key, at])
    }
    this.#arm()
  }

  /** A message of ours has come back. */
  arrived() {
    this.#open = Math.max(0, this.#open - 1)
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

  #now = () => Date.now() + this.#aheadMs

  #arm() {
    if (this.#closed || this.#telling || this.#open >= maxOpen) return
    clearTimeout(this.#timeout)
    while (this.#heap.first && this.#set.get(this.#heap.first[0]) !== this.#heap.first[1]) this.#heap.shift()
    if (!this.#heap.first) return
    const waitMs = this.#heap.first[1] - this.#now()
    if (waitMs > 0) this.#timeout = setTimeout(() => this.#arm(), Math.min(waitMs, maxWaitMs)).unref()
    else this.#tell().catch(error => !this.#closed && this.#options.onFailed(error))
  }

  async #tell() {
    this.#telling = true
    const { connection, cursor, flow, node, partition, save } = this.#options
    const due: TimerMessage['due'] = []
    const now = this.#now()
    while (due.length < maxDue && this.#heap.first && this.#heap.first[1] <= now) {
      const [key, at] = this.#heap.shift()!
      if (this.#set.get(key) !== at) continue
      this.#set.delete(key)
      due.push([key, at])
    }
    if (due.length > 0) {
      // Numbers are reserved: a successor goes on behind whatever still waits in the session.
      if (this.#last + due.length > (cursor.timers ?? 0)) {
        this.#last = cursor.timers ?? 0
        cursor.timers = this.#last + block
        await save()
      }
      const message: TimerMessage = { v: 1, n: this.#last + 1, due }
      this.#last += due.length
      this.#open += 1
      await connection.publish(topics.timer(flow, node, partition), JSON.stringify(message))
    }
    this.#telling = false
    this.#arm()
  }
}

type Entry = [key: string, at: number]

/** A binary heap: the earliest first. */
class Heap {
  #entries: Entry[] = []

  get first(): Entry | undefined {
    return this.#entries[0]
  }

  push(entry: Entry) {
    const entries = this.#entries
    let i = entries.push(entry) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (entries[parent]![1] <= entry[1]) break
      entries[i] = entries[parent]!
      i = parent
    }
    entries[i] = entry
  }

  shift(): Entry | undefined {
    const entries = this.#entries
    const first = entries[0]
    const last = entries.pop()
    if (!last || entries.length === 0) return first
    let i = 0
    for (let child = 1; child < entries.length; child = 2 * i + 1) {
      if (child + 1 < entries.length && entries[child + 1]![1] < entries[child]![1]) child += 1
      if (last[1] <= entries[child]![1]) break
      entries[i] = entries[child]!
      i = child
    }
    entries[i] = last
    return first
  }
}

/** @throws when the payload is nothing of ours */
export function parseTimers(payload: Buffer): TimerMessage {
  const message = JSON.parse(payload.toString()) as TimerMessage
  const valid =
    message?.v === 1 &&
    Number.isSafeInteger(message.n) &&
    Array.isArray(message.due) &&
    message.due.every(entry => typeof entry?.[0] === 'string' && typeof entry[1] === 'number')
  if (!valid) throw new Error('not a message about timers of version 1')
  return message
}
