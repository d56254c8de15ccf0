import { Progress } from '../../runtime/cursor.ts'
import { decode } from '../../runtime/frame.ts'
import { turnOrigin } from '../../runtime/record-id.ts'

/** What a consumer has taken in of a lane: it drops repeats, and tells of turns. */
export class Taken {
  readonly progress = new Progress()
  #lane: string

  constructor(lane: string) {
    this.#lane = lane
  }

  /** @param payload a frame @returns records of it that are new */
  take(payload: Buffer) {
    const { records, turn } = decode(payload)
    if (turn !== undefined) this.progress.advance(this.#lane, turnOrigin, turn)
    return records.filter(({ origin, seq }) => this.progress.advance(this.#lane, origin, seq))
  }
}
