import type { Emitted } from './emitted.ts'
import { FrameBuilder, turnFrame } from './frame.ts'
import type { Cause, Pending } from './outbox.ts'
import { type RecordId, type Seq, turnOrigin } from './record-id.ts'

const maxSize = 64 * 1024
const maxRecords = 512

/** What a lane sends at once. */
export interface Outgoing {
  /** Who has finished this has finished all of it. */
  readonly last: RecordId
  readonly records: number
  /** Characters, about. */
  readonly size: number
  build(partition: number): Buffer
  /** The broker has it. */
  taken(): void
  /** It will not leave. @param unsent gets how many outputs of each input it has */
  withdraw(unsent: Map<Pending, number>): void
}

/** Behind all that a lane has sent: what consumers have finished once they have finished this. */
export class Turn implements Outgoing {
  readonly last: RecordId
  readonly records = 1
  readonly size = 0

  #number: number

  constructor(number: number) {
    this.#number = number
    this.last = { origin: turnOrigin, seq: number }
  }

  build(partition: number): Buffer {
    return turnFrame(partition, this.#number)
  }

  taken() {}
  withdraw() {}
}

/** Records that leave together, and who waits for that. */
export class OutgoingFrame implements Outgoing {
  /** The newest record. */
  readonly last: RecordId = { origin: '', seq: 0 }
  #builder: FrameBuilder
  /** Inputs whose outputs these are, and how many of each: most frames have one for all. */
  #pending: Pending[] = []
  #counts: number[] = []

  /** @param version of what all that read it can read */
  constructor(version: number) {
    this.#builder = new FrameBuilder(version)
  }

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

  add(
    { origin, time, topic }: Cause,
    seq: Seq,
    key: string | undefined,
    { carried, length }: Emitted,
    pending: Pending,
  ) {
    this.#builder.add(origin, seq, time, key, carried, topic, length)
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

  withdraw(unsent: Map<Pending, number>) {
    for (const [i, pending] of this.#pending.entries())
      unsent.set(pending, (unsent.get(pending) ?? 0) + this.#counts[i]!)
  }
}
