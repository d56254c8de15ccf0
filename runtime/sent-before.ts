import { compareSeq, type Seq } from './record-id.ts'

/** What owners before have sent on a lane, once its readers have finished all of it. */
export class SentBefore {
  /** By origin: the last record. */
  #last: Map<string, Seq>

  /** @param finished of each reader, by origin: where one has finished none, it may never have been sent one */
  constructor([first, ...others]: (ReadonlyMap<string, Seq> | undefined)[]) {
    this.#last = new Map(first)
    for (const other of others) {
      for (const [origin, seq] of this.#last) {
        const last = other?.get(origin)
        if (last === undefined) this.#last.delete(origin)
        else if (compareSeq(last, seq) < 0) this.#last.set(origin, last)
      }
    }
  }

  includes(origin: string, seq: Seq): boolean {
    if (this.#last.size === 0) return false
    const last = this.#last.get(origin)
    return last !== undefined && compareSeq(seq, last) <= 0
  }
}
