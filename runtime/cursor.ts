import type { BehindAll } from './outbox.ts'
import { compareSeq, type Seq } from './record-id.ts'

type Lanes = Record<string, Record<string, Seq>>

/** The retained document at `topics.credit`: how far a partition has come. It makes repeats recognisable
 *  after any crash, and tells producers how much of what they sent is still to do. */
export interface CursorDocument {
  v: 1
  /** By lane and origin: the last record that is finished, its outputs and state stored. */
  lanes: Lanes
  /** The newest version of frames that its owner reads; absent: 1. */
  frames?: number
  /** Topic filters that the session holds. */
  subscriptions: string[]
  /** By zone: those that its session on the broker there holds; none where it only writes. */
  brokers?: Record<string, string[]>
  /** Of several sessions, the one whose messages are in flight, by zone; absent: the one on the dataflow's own broker. */
  session?: string
  /** Turns sent so far, see `Outbox.cross`. */
  turns?: number
  /** Revision of the wiring in effect. */
  wiring: number
  /** Grows with every commit. */
  commit: number
  /** Keys with stored state: what a restore must bring. */
  keys: number
  /** Dead letters written so far. */
  letters: number
  /** By lane: numbers given to what was due, and reserved for such. */
  told?: Partial<Record<'timer' | 'retry', number>>
  /** Dead letters handled again, by the number of the attempt: the newest. */
  replays?: string[]
  /** Records that have failed and wait, which the lanes do not say yet, as origin and seq: what came behind them may
   *  have left, so they wait with a successor too. */
  failed?: [origin: string, seq: Seq][]
  /** Owners in a row that have finished nothing. */
  takeovers: number
  /** The record in the handler, written only by an owner whose predecessor finished nothing. */
  trying?: string
  /** The process that wrote `trying`. */
  tryingBy?: string
  /** Frames of its own, behind all that owners before have sent: see `OpenFrames`. */
  behindAll?: BehindAll | undefined
  /** Of the cut that it belongs to, as in its wiring. */
  round?: number
  /** The partition has ended: no owner writes a cursor any more. */
  ended?: true
  /** With `ended`: how many of its keys each partition of the next cut gets. */
  heirs?: number[]
  /** Records during which the process of an owner died, and how often. */
  suspects?: Record<string, number>
}

export const emptyCursor = (): CursorDocument => ({
  v: 1,
  lanes: {},
  subscriptions: [],
  wiring: 0,
  commit: 0,
  keys: 0,
  letters: 0,
  takeovers: 0,
})

/** @throws when the payload is no cursor */
export function parseCursor(payload: Buffer): CursorDocument {
  const document = JSON.parse(payload.toString()) as CursorDocument
  if (document?.v !== 1 || document.lanes === null || typeof document.lanes !== 'object')
    throw new Error('not a cursor of version 1')
  return document
}

/** What producers know of a consumer's partition. */
export interface Credit {
  progress: Progress
  /** The newest version of frames that it reads. */
  frames: number
}

/** Last record seen per lane and origin: a record that is not newer is a repeat. */
export class Progress {
  #lanes: Map<string, Map<string, Seq>>

  constructor(lanes: Lanes = {}) {
    this.#lanes = new Map(
      Object.entries(lanes).map(([lane, origins]) => [lane, new Map(Object.entries(origins))]),
    )
  }

  /** By origin. */
  of(lane: string): ReadonlyMap<string, Seq> | undefined {
    return this.#lanes.get(lane)
  }

  last(lane: string, origin: string): Seq | undefined {
    return this.#lanes.get(lane)?.get(origin)
  }

  /** Whether this record is finished. @param path lane and origin, as `originAfter` joins them */
  covers(path: string, seq: Seq): boolean {
    const end = path.lastIndexOf('/')
    const last = this.last(path.slice(end + 1), path.slice(0, Math.max(0, end)))
    return last !== undefined && compareSeq(seq, last) <= 0
  }

  /** Moves on to `seq`. @returns false, changing nothing, when that is not newer */
  advance(lane: string, origin: string, seq: Seq): boolean {
    let origins = this.#lanes.get(lane)
    if (!origins) {
      origins = new Map()
      this.#lanes.set(lane, origins)
    }
    const last = origins.get(origin)
    if (last !== undefined && compareSeq(seq, last) <= 0) return false
    origins.set(origin, seq)
    return true
  }

  toJSON(): Lanes {
    return Object.fromEntries([...this.#lanes].map(([lane, origins]) => [lane, Object.fromEntries(origins)]))
  }
}
