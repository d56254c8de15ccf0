import { randomUUID } from 'node:crypto'
import type { CursorDocument } from './cursor.ts'
import { type Entry, idOf } from './entry.ts'

const thisProcess = randomUUID()

/** An owner that takes over from one which has finished nothing goes record by record, and names each in the
 *  cursor before the handler gets it, so that a successor knows what killed its host. */
export class Trial {
  #cursor: CursorDocument
  #isOn: boolean

  /** Counts the takeover, and what the owner before had in its handler. */
  constructor(cursor: CursorDocument) {
    this.#cursor = cursor
    this.#isOn = cursor.takeovers > 0
    cursor.takeovers += 1
    if (cursor.trying === undefined) return
    // Who marked it here is alive: the connection was lost, and no record is to blame for that.
    if (cursor.tryingBy !== thisProcess)
      cursor.suspects = { ...cursor.suspects, [cursor.trying]: (cursor.suspects?.[cursor.trying] ?? 0) + 1 }
    this.clear()
  }

  get isOn() {
    return this.#isOn
  }

  hasNamed(entry: Entry): boolean {
    return this.#cursor.trying === idOf(entry)
  }

  /** To be stored before the handler gets it. */
  name(entry: Entry) {
    this.#cursor.trying = idOf(entry)
    this.#cursor.tryingBy = thisProcess
  }

  /** The handler has no record any more. @returns whether one was named */
  clear(): boolean {
    if (this.#cursor.trying === undefined) return false
    delete this.#cursor.trying
    delete this.#cursor.tryingBy
    return true
  }

  /** Something is finished. */
  end() {
    this.#isOn = false
  }
}
