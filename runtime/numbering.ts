import type { Stream } from '../schema/wiring.ts'
import type { BehindAll } from './outbox.ts'
import type { Connection } from './transport.ts'

/** What the session of an MQTT feed may hold. */
export interface Reads {
  /** URL; absent: the dataflow's own. */
  broker?: string
  filters: string[]
}

/** The retained document at `topics.credit` of a source. */
export interface NumberingDocument {
  v: 1
  /** No number from here on has been used. */
  next: number
  /** Dead letters written so far. */
  letters: number
  /** What identified the latest records that the broker has, where the source names a field. */
  recent: string[]
  /** Streams in effect, once there were any: what was sent by the broker of each may not be finished. */
  outputs?: Record<string, Stream[]>
  /** Absent: nothing is known to. */
  reads?: Reads
  /** As in a cursor. */
  behindAll?: BehindAll | undefined
}

const block = 100_000
const rememberedIds = 1_000

/** Numbers records where they enter. Numbers are reserved in blocks before they are used, so that they grow over
 *  any crash, trust no clock, and cost nothing a record. */
export class Numbering {
  #connection: Connection
  #topic: string
  #document: NumberingDocument
  #next: number
  #reserving = false
  /** Of all that came lately, and of those among them that the broker has. */
  #recent: Set<string>
  #finished: Set<string>

  constructor(connection: Connection, topic: string, document: NumberingDocument | undefined) {
    this.#connection = connection
    this.#topic = topic
    this.#document = document ?? { v: 1, next: 1, letters: 0, recent: [] }
    this.#next = this.#document.next
    this.#recent = new Set(this.#document.recent)
    this.#finished = new Set(this.#document.recent)
  }

  /** Streams that the source before had in effect; undefined where that is not known. */
  get outputs() {
    return this.#document.outputs
  }

  /** Says which streams are in effect, before the first record leaves by them. */
  async use(outputs: Record<string, Stream[]>): Promise<void> {
    if (JSON.stringify(this.#document.outputs) === JSON.stringify(outputs)) return
    this.#document.outputs = outputs
    delete this.#document.behindAll
    await this.save()
  }

  get reads() {
    return this.#document.reads
  }

  /** Says what the session of the feed may hold, before it does. */
  async setReads(reads: Reads | undefined): Promise<void> {
    if (JSON.stringify(this.#document.reads) === JSON.stringify(reads)) return
    if (reads) this.#document.reads = reads
    else delete this.#document.reads
    await this.save()
  }

  get behindAll() {
    return this.#document.behindAll
  }

  async setBehindAll(behindAll: BehindAll | undefined): Promise<void> {
    this.#document.behindAll = behindAll
    await this.save()
  }

  get letters() {
    return this.#document.letters
  }

  /** To be awaited before the first number is taken. @param outputs streams in effect */
  async reserve(outputs: Record<string, Stream[]>): Promise<void> {
    this.#document.outputs = outputs
    this.#document.next = this.#next + block
    await this.save()
  }

  take(): number {
    const number = this.#next++
    if (!this.#reserving && this.#document.next - number < block / 2) {
      this.#reserving = true
      const before = this.#document.next
      this.#document.next = before + block
      this.save().then(
        () => {
          this.#reserving = false
        },
        () => {}, // the connection is gone, and this source's turn with it
      )
    }
    return number
  }

  /** @returns false when a record of this identity has come before */
  isNew(identity: string): boolean {
    if (this.#recent.has(identity)) return false
    remember(this.#recent, identity)
    return true
  }

  /** The broker has the record: whoever comes next may drop it. Had it been said before, it would be dropped by the next
   *  one and was never sent by this one. */
  finished(identity: string) {
    remember(this.#finished, identity)
  }

  wroteLetter() {
    this.#document.letters += 1
  }

  async save(): Promise<void> {
    this.#document.recent = [...this.#finished]
    await this.#connection.publish(this.#topic, JSON.stringify(this.#document), { retain: true })
  }
}

function remember(identities: Set<string>, identity: string) {
  identities.add(identity)
  if (identities.size > rememberedIds) identities.delete(identities.values().next().value!)
}
