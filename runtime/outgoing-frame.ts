import { FrameBuilder } from './frame.ts'
import type { Cause, Pending } from './outbox.ts'
import type { RecordId, Seq } from './record-id.ts'

const maxSize = 64 * 1024
const maxRecords = 512

/** Records that leave together, and who waits for that. */
export class OutgoingFrame {
  /** The newest record. */
  readonly last: RecordId = { origin: '', seq: 0 }
  #builder = new FrameBuilder()
  /** Inputs whose outputs these are, and how many of each: most frames have one for all. */
  #pending: Pending[] = []
  #counts: number[] = []

  get records() {
    return this.#builder.count
  }

  get size() {
    return this.#builder.size
  }

  /** @param length of the JSON that would come next */
  hasRoom(length: number): boolean {
    const { count, size } = this.#builder
    return count === 0 || (count < maxRecords && size + length <= maxSize)
  }

  add({ origin, time, topic }: Cause, seq: Seq, key: string | undefined, json: string, pending: Pending) {
    this.#builder.add(origin, seq, time, key, json, topic)
    this.last.origin = origin
    this.last.seq = seq
    const newest = this.#pending.length - 1
    if (this.#pending[newest] === pending) this.#counts[newest]! += 1
    else {
      this.#pending.push(pending)
      this.#counts.push(1)
    }
  }

  /** To be copied at once: see `FrameBuilder.build`. */
  build(partition: number): Buffer {
    return this.#builder.build(partition)
  }

  /** The broker has it. */
  taken() {
    for (const [i, pending] of this.#pending.entries()) pending.outputs -= this.#counts[i]!
  }
}
