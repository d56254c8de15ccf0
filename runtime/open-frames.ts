import type { Progress } from './cursor.ts'
import { compareSeq, type RecordId } from './record-id.ts'

export interface SentFrame {
  /** Who has finished this record has finished the frame. */
  last: RecordId
  /** None are counted of what an owner before has sent. */
  records: number
}

/** After so long the broker is taken to have lost the frame that an owner before has sent. */
const patienceMs = 300_000

/** What a consumer was sent on a lane and has not finished.
 *
 *  A new owner of the lane does not know how much its predecessor has sent. With a window of its own it would fill the
 *  queue of a consumer that is stuck, one owner after the other, until the broker drops what comes: so it sends a turn,
 *  and nothing more until that is finished, and then all before it is. Its successor, which knows of it, sends none. */
export class OpenFrames {
  #lane: string
  /** Oldest first. */
  #frames: SentFrame[] = []
  /** An owner before may have sent as much as the consumer may have. */
  #inherits = false
  #timer: NodeJS.Timeout | undefined

  /** @param lane as the consumer calls it in its cursor */
  constructor(lane: string) {
    this.#lane = lane
  }

  get isEmpty() {
    return this.#frames.length === 0
  }

  get records() {
    return this.#frames.reduce((sum, { records }) => sum + records, 0)
  }

  /** @param last of a frame */
  includes({ origin, seq }: RecordId) {
    return this.#frames.some(({ last }) => last.origin === origin && last.seq === seq)
  }

  /** @param window frames that the consumer may have */
  isFull(window: number) {
    return this.#frames.length >= (this.#inherits ? 1 : window)
  }

  /** What owners before have sent is not known to be finished. */
  get inherits() {
    return this.#inherits
  }

  /** What there was before may not be finished.
   *  @param known the last record of a frame that is behind all that
   *  @param onLost it is taken for lost */
  inherit(known: RecordId | undefined, progress: Progress | undefined, onLost: () => void) {
    this.#inherits = true
    if (known === undefined) return
    this.sent({ last: known, records: 0 }, progress)
    if (this.isEmpty) return
    this.#timer = setTimeout(() => {
      this.#forgetKnown()
      onLost()
    }, patienceMs).unref()
  }

  /** The frame behind all that an owner before has sent, by its last record: while it is not finished. */
  get behindAll(): RecordId | undefined {
    return this.#inherits ? this.#frames[0]?.last : undefined
  }

  sent(frame: SentFrame, progress: Progress | undefined) {
    if (progress && this.#isFinished(frame, progress)) return // a repeat of what the consumer has done
    this.#frames.push(frame)
  }

  /** The consumer has come so far. @returns whether it has finished any */
  finish(progress: Progress): boolean {
    let done = 0
    while (done < this.#frames.length && this.#isFinished(this.#frames[done]!, progress)) done += 1
    if (done === 0) return false
    // One of an owner before may be finished for long: it may have sent more since.
    if (this.#frames.splice(0, done).some(({ records }) => records > 0)) this.#inherits = false
    this.close()
    return true
  }

  /** Only turns will be sent until the last of them is finished, and then all before it is. */
  cross() {
    this.#inherits = false
    this.#forgetKnown()
    this.close()
  }

  close() {
    clearTimeout(this.#timer)
  }

  #forgetKnown() {
    this.#frames = this.#frames.filter(({ records }) => records > 0)
  }

  #isFinished({ last }: SentFrame, progress: Progress): boolean {
    const finished = progress.last(this.#lane, last.origin)
    return finished !== undefined && compareSeq(last.seq, finished) <= 0
  }
}
