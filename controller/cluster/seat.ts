import type { Problem } from '../../schema/problem.ts'
import type { Follower } from './follower.ts'

/** What a process knows of one Dataflow between passes. */
export class Seat {
  readonly uid: string
  follower?: Follower
  /** The follower removes all of it. */
  isLeaving = false
  /** When its deletion was first seen, by `performance.now()`. */
  leavingSince?: number
  /** People were given what it takes to ask about it: when, as the annotation said then that asks for a look. */
  openSince?: string
  /** Why it can't be followed now. */
  trouble?: Problem
  /** Another controller writes its inventory: this one lets it be. */
  isTaken = false
  /** The value of the annotation that was acted upon last. */
  handledReconcile?: string
  /** Troubles that were announced and last: by what they are of, their reason. */
  told = new Map<string, string>()

  constructor(uid: string) {
    this.uid = uid
  }

  async close(): Promise<void> {
    const { follower } = this
    delete this.follower
    this.isLeaving = false
    await follower?.close()
  }

  /** @returns whether this is news */
  tell(of: string, reason: string): boolean {
    if (this.told.get(of) === reason) return false
    this.told.set(of, reason)
    return true
  }

  /** Forgets troubles that are over: when they come again, it is news. @param reasons of all conditions */
  settle(reasons: ReadonlySet<string>): void {
    for (const [of, reason] of this.told) if (!reasons.has(reason)) this.told.delete(of)
  }
}
