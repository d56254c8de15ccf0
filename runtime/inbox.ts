import type { Message } from './transport.ts'

/** A session, by the zone of its broker; undefined: on the dataflow's own. */
export type Session = string | undefined

/** A turn is this many times as long as the change to it took, ms at least and at most. */
const factor = 4
const [minTurnMs, maxTurnMs] = [20, 1_000]

/**
 * Messages that have come and are not opened, of all sessions of a partition.
 *
 * Each broker brings what it has in its order, and again in that order to a successor; how those of several brokers fall
 * together it does not know. What a record gives may depend on it, by the state of its key. So messages are taken from
 * one session at a time, whose name is stored before, and from another only when nothing is in flight.
 */
export class Inbox {
  #queues = new Map<Session, Message[]>([[undefined, []]])
  #current: Session
  /** Messages of the current session must come to an end that is not here yet. */
  #isBound = false
  #ends = false
  /** Nothing depends on how they fall together. */
  #isMerged = false
  #since = 0
  #turnMs = minTurnMs
  #asked = 0

  get current(): Session {
    return this.#current
  }

  /** @param isMerged all are taken in the order of their arrival */
  merge(isMerged: boolean) {
    this.#isMerged = isMerged
  }

  /** Starts where an owner before was: what it may have had comes before anything of another session.
   *  @param isBound until `unbind` */
  begin(session: Session, isBound: boolean) {
    this.#current = session
    this.#isBound = isBound
    this.#since = performance.now()
  }

  /** All that an owner before may have had of the dataflow's own broker is here. */
  ends() {
    if (this.#current === undefined && this.#isBound) this.#ends = true
  }

  unbind(session: Session) {
    if (session === this.#current) this.#isBound = false
  }

  push(message: Message, from: Session) {
    const session = this.#isMerged ? undefined : from
    const queue = this.#queues.get(session)
    if (queue) queue.push(message)
    else this.#queues.set(session, [message])
  }

  /** The next one of the current session, unless it is another's turn. */
  shift(): Message | undefined {
    const queue = this.#queues.get(this.#current)
    if (!queue || queue.length === 0) return undefined
    return this.#isLong && this.#other !== undefined ? undefined : queue.shift()
  }

  /** The session whose turn it is, once nothing is in flight. */
  get next(): { session: Session } | undefined {
    if (this.#queues.size === 1) return undefined
    if (this.#ends && !this.#queues.get(undefined)?.length) this.#isBound = this.#ends = false
    if (this.#isBound) return undefined
    const isEmpty = !this.#queues.get(this.#current)?.length
    const next = isEmpty || this.#isLong ? this.#other : undefined
    if (next && this.#asked === 0) this.#asked = performance.now()
    return next
  }

  turn(session: Session) {
    // To the end of the map: each gets its turn.
    const queue = this.#queues.get(this.#current)
    if (queue) {
      this.#queues.delete(this.#current)
      this.#queues.set(this.#current, queue)
    }
    const now = performance.now()
    this.#turnMs = Math.min(maxTurnMs, Math.max(minTurnMs, factor * (now - this.#asked)))
    this.#asked = 0
    this.#current = session
    this.#since = now
  }

  get #isLong() {
    return this.#queues.size > 1 && !this.#isBound && performance.now() - this.#since > this.#turnMs
  }

  get #other(): { session: Session } | undefined {
    for (const [session, queue] of this.#queues)
      if (session !== this.#current && queue.length > 0) return { session }
    return undefined
  }
}
