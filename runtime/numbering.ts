import type { Connection } from './transport.ts'

/** The retained document at `topics.credit` of a source. */
export interface NumberingDocument {
  v: 1
  /** No number from here on has been used. */
  next: number
  /** Dead letters written so far. */
  letters: number
  /** What identified the latest records, where the source names a field. */
  recent: string[]
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
  #recent: Set<string>

  constructor(connection: Connection, topic: string, document: NumberingDocument | undefined) {
    this.#connection = connection
    this.#topic = topic
    this.#document = document ?? { v: 1, next: 1, letters: 0, recent: [] }
    this.#next = this.#document.next
    this.#recent = new Set(this.#document.recent)
  }

  get letters() {
    return this.#document.letters
  }

  /** To be awaited before the first number is taken. */
  async reserve(): Promise<void> {
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
    this.#recent.add(identity)
    if (this.#recent.size > rememberedIds) this.#recent.delete(this.#recent.values().next().value!)
    return true
  }

  wroteLetter() {
    this.#document.letters += 1
  }

  async save(): Promise<void> {
    this.#document.recent = [...this.#recent]
    await this.#connection.publish(this.#topic, JSON.stringify(this.#document), { retain: true })
  }
}
